// A real OpenID Connect provider on a loopback port. Arguments: the address to which it sends people back.
// It prints its address, and reads commands from standard input, one JSON object a line:
//   {"mail": "...", "verified": true, "subject": "..."}  who signs in next
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const { Provider } = createRequire(process.env.PROVIDER_MODULES + "/")("oidc-provider");
// Its advice for productive use goes where nobody reads; standard output is for the tests.
console.info = console.warn = () => {};

const person = { mail: "ann@home.example", verified: true, subject: "subject-of-ann" };

const server = createServer();
server.listen(0, "127.0.0.1", () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: [{
      client_id: "duress",
      client_secret: "a secret of tests",
      redirect_uris: [process.argv[2]],
      grant_types: ["authorization_code"],
      response_types: ["code"],
    }],
    pkce: { required: () => true },
    claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name"] },
    conformIdTokenClaims: false,
    cookies: { keys: ["a key of tests"] },
    findAccount: (_context, id) => ({
      accountId: id,
      claims: () => ({ sub: id, email: person.mail, email_verified: person.verified, name: "Ann" }),
    }),
    interactions: { url: (_context, interaction) => `/interaction/${interaction.uid}` },
    features: { devInteractions: { enabled: false } },
  });
  const answer = provider.callback();
  server.on("request", async (request, response) => {
    if (!request.url.startsWith("/interaction/")) return answer(request, response);
    // Whoever comes has signed in and agreed: what is tested is what is made of it.
    const { prompt, params, session } = await provider.interactionDetails(request, response);
    if (prompt.name === "login") {
      return provider.interactionFinished(request, response, { login: { accountId: person.subject } });
    }
    const grant = new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
    grant.addOIDCScope("openid email profile");
    grant.addOIDCClaims(["email", "email_verified"]);
    await provider.interactionFinished(request, response, { consent: { grantId: await grant.save() } });
  });
  console.log(issuer);
});

createInterface({ input: process.stdin }).on("line", (line) => {
  Object.assign(person, JSON.parse(line));
  console.log("so be it");
});
