CREATE TABLE request (
  id TEXT PRIMARY KEY,
  binding TEXT NOT NULL,
  batch TEXT NOT NULL,
  session TEXT NOT NULL,
  agent TEXT NOT NULL,
  body BLOB NOT NULL,
  barred TEXT NOT NULL,
  put_to TEXT NOT NULL,
  quorum INTEGER NOT NULL,
  wall REAL NOT NULL,
  run REAL NOT NULL,
  boot TEXT NOT NULL,
  life REAL NOT NULL,
  waiter TEXT NOT NULL,
  canary INTEGER NOT NULL DEFAULT 0,
  proposal TEXT,
  said TEXT,
  message TEXT NOT NULL DEFAULT '',
  people TEXT NOT NULL DEFAULT '[]',
  settled REAL,
  taken REAL
);

CREATE INDEX request_waiting ON request (wall) WHERE said IS NULL;

CREATE INDEX request_untaken ON request (wall) WHERE said IS NOT NULL AND taken IS NULL;

CREATE INDEX request_session ON request (session, wall);

CREATE TABLE vote (
  request TEXT NOT NULL REFERENCES request (id),
  reviewer TEXT NOT NULL,
  binding TEXT NOT NULL,
  said TEXT NOT NULL,
  message TEXT NOT NULL,
  wall REAL NOT NULL,
  PRIMARY KEY (request, reviewer, binding)
);

CREATE TABLE seen (
  request TEXT NOT NULL REFERENCES request (id),
  reviewer TEXT NOT NULL,
  wall REAL NOT NULL,
  PRIMARY KEY (request, reviewer)
);

CREATE TABLE interruption (
  reviewer TEXT NOT NULL,
  request TEXT NOT NULL,
  wall REAL NOT NULL,
  run REAL NOT NULL,
  boot TEXT NOT NULL
);

CREATE INDEX interruption_recent ON interruption (wall);

CREATE TABLE stop (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  scope TEXT NOT NULL,
  name TEXT NOT NULL,
  reason TEXT NOT NULL,
  person TEXT NOT NULL,
  wall REAL NOT NULL,
  lifted REAL,
  lifted_by TEXT,
  lifted_why TEXT
);

CREATE INDEX stop_standing ON stop (scope, name) WHERE lifted IS NULL;

CREATE TABLE session (
  id TEXT PRIMARY KEY,
  agent TEXT NOT NULL,
  user TEXT NOT NULL,
  policy_hash TEXT NOT NULL,
  wall REAL NOT NULL
);

CREATE TABLE policy (
  hash TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  version TEXT NOT NULL,
  mode TEXT NOT NULL,
  wall REAL NOT NULL
);

CREATE TABLE gate (
  policy_hash TEXT NOT NULL,
  passed INTEGER NOT NULL,
  wall REAL NOT NULL,
  evidence TEXT NOT NULL
);

CREATE TABLE reviewer (
  name TEXT PRIMARY KEY COLLATE NOCASE,
  role TEXT NOT NULL,
  password TEXT,
  mail TEXT COLLATE NOCASE,
  login TEXT,
  issuer TEXT,
  subject TEXT,
  added REAL NOT NULL,
  disabled REAL
);

CREATE UNIQUE INDEX reviewer_subject ON reviewer (issuer, subject) WHERE subject IS NOT NULL;

CREATE UNIQUE INDEX reviewer_mail ON reviewer (mail) WHERE mail IS NOT NULL;

CREATE TABLE attempt (
  name TEXT NOT NULL COLLATE NOCASE,
  place TEXT NOT NULL,
  wall REAL NOT NULL,
  run REAL NOT NULL,
  boot TEXT NOT NULL
);

CREATE TABLE visit (
  token TEXT PRIMARY KEY,
  reviewer TEXT NOT NULL,
  csrf TEXT NOT NULL,
  wall REAL NOT NULL,
  run REAL NOT NULL,
  boot TEXT NOT NULL,
  last REAL NOT NULL
);

CREATE TABLE client (
  token TEXT PRIMARY KEY,
  hint TEXT NOT NULL,
  agent TEXT NOT NULL,
  owner TEXT NOT NULL,
  wall REAL NOT NULL,
  revoked REAL,
  revoked_why TEXT
);

CREATE TABLE override (
  id TEXT PRIMARY KEY,
  agent TEXT NOT NULL,
  tool TEXT NOT NULL,
  reason TEXT NOT NULL,
  life REAL NOT NULL,
  person TEXT NOT NULL,
  wall REAL NOT NULL,
  run REAL NOT NULL,
  boot TEXT NOT NULL,
  second TEXT,
  open_wall REAL,
  open_run REAL,
  open_boot TEXT,
  ended REAL,
  ended_by TEXT
);

CREATE TABLE notice (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  event TEXT NOT NULL,
  channel TEXT NOT NULL,
  request TEXT,
  wall REAL NOT NULL,
  error TEXT
);

CREATE TABLE outbox (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  entry BLOB NOT NULL
);

CREATE TABLE fact (
  name TEXT PRIMARY KEY,
  value TEXT NOT NULL
);
