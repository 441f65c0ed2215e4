"use strict";

const root = document.documentElement;
const page = document.title;

// ---- light and dark -------------------------------------------------------------------------------------------

const toggle = document.querySelector("button.theme");
toggle.hidden = false;
toggle.addEventListener("click", () => {
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const now = root.dataset.theme ?? (dark ? "dark" : "light");
  root.dataset.theme = now === "dark" ? "light" : "dark";
  localStorage.setItem("theme", root.dataset.theme);
});

// On a phone the row of pages may be wider than the window.
document.querySelector("nav [aria-current]")?.scrollIntoView({ inline: "center", block: "nearest" });

// ---- times ------------------------------------------------------------------------------------------------------

const stamp = new Intl.DateTimeFormat(root.lang, { dateStyle: "medium", timeStyle: "medium" });
const hour = new Intl.DateTimeFormat(root.lang, { timeStyle: "medium" });

function dress(within) {
  for (const time of within.querySelectorAll("time[datetime]:not([data-dressed])")) {
    const at = new Date(time.dateTime);
    time.title = time.dateTime;
    time.textContent = (at.toDateString() === new Date().toDateString() ? hour : stamp).format(at);
    time.dataset.dressed = "";
  }
  for (const time of within.querySelectorAll("time.left:not([data-until])")) {
    time.dataset.until = String(performance.now() + 1000 * Number(time.dataset.left));
  }
  const questions = document.getElementById("questions");
  const badge = document.getElementById("badge");
  if (questions && badge) {
    badge.textContent = questions.dataset.count;
    badge.hidden = questions.dataset.count === "0";
  }
  const count = badge && !badge.hidden ? `(${badge.textContent}) ` : "";
  document.title = count + page;
  const settled = document.querySelector("[data-settled]");
  const decide = document.getElementById("decide");
  // What is settled cannot be answered; what has changed must be looked at first.
  if (settled && decide) decide.inert = true;
}

function tick() {
  for (const time of document.querySelectorAll("time.left")) {
    const left = Math.max(0, Math.floor((Number(time.dataset.until) - performance.now()) / 1000));
    time.textContent = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
    time.classList.toggle("soon", left < 30);
  }
}

dress(document);
tick();
setInterval(tick, 1000);
document.addEventListener("htmx:after:swap", () => {
  dress(document);
  tick();
});

// ---- a server that does not answer ---------------------------------------------------------------------------------

const offline = document.getElementById("offline");
document.addEventListener("htmx:error", () => {
  offline.hidden = false;
});
document.addEventListener("htmx:after:request", () => {
  offline.hidden = true;
});

// ---- a list that is being used does not change under the hand -------------------------------------------------------

document.addEventListener("htmx:before:request", (event) => {
  const list = event.target.closest?.("#sessions");
  if (list && list.contains(document.activeElement) && document.activeElement.matches("input")) event.preventDefault();
});

// ---- one press, one answer -------------------------------------------------------------------------------------------

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.dataset.sent) event.preventDefault();
  form.dataset.sent = "yes";
});
addEventListener("pageshow", () => {
  for (const form of document.forms) delete form.dataset.sent;
});
