// Runs octokit.js against cmd/ghdeploy-server: every operation, every kind of
// error, rate limits and broken connections. It exits with 0 if octokit.js
// handled every response as it handles GitHub's.
//
//   API=http://... CONTROL=http://... node octokit.mjs
//
// Start the server with seed.json. The test TestOctokit does all of this.

import assert from "node:assert/strict";
import { Octokit, RequestError } from "octokit";

const { API, CONTROL } = process.env;
const owner = "octocat";
const repo = "example";
const here = { owner, repo };

// client returns an octokit.js client without its plugins for retries and
// throttling, which wait seconds after an error and before a write. The step
// "quota" turns throttling on.
function client(auth, options = {}) {
  return new Octokit({
    auth,
    baseUrl: API,
    log: { debug() {}, info() {}, warn() {}, error() {} },
    retry: { enabled: false },
    throttle: { enabled: false },
    ...options,
  });
}

const octokit = client("admin");
const { repos, actions, rateLimit } = octokit.rest;

// control sends a request to the control API.
async function control(method, path, body) {
  const response = await fetch(CONTROL + path, { method, body: body && JSON.stringify(body) });
  assert.ok(response.ok, `${method} ${path}: ${response.status} ${await response.clone().text()}`);
  return response.status === 204 ? undefined : response.json();
}

// refused checks that a call fails with this status and part of a message.
async function refused(call, status, message) {
  await assert.rejects(call, (error) => {
    assert.ok(error instanceof RequestError, String(error));
    assert.equal(error.status, status, error.message);
    assert.ok(error.message.includes(message), `${error.message} lacks ${message}`);
    return true;
  });
}

// ok checks the status and returns the data.
async function ok(status, call) {
  const response = await call;
  assert.equal(response.status, status);
  return response.data;
}

const steps = {
  async "deployments and statuses"() {
    const made = await ok(201, repos.createDeployment({
      ...here, ref: "main", environment: "qa", payload: { tag: "v1", list: [1, 2] }, description: "Déploiement", transient_environment: true,
    }));
    assert.equal(made.ref, "main");
    assert.equal(made.environment, "qa");
    assert.deepEqual(made.payload, { tag: "v1", list: [1, 2] });
    assert.equal(made.description, "Déploiement");
    assert.equal(made.transient_environment, true);
    assert.equal(made.production_environment, false);
    assert.equal(made.creator.login, "octocat");
    assert.ok(made.id > 2 ** 32 && Number.isSafeInteger(made.id));
    const one = { ...here, deployment_id: made.id };

    const status = await ok(201, repos.createDeploymentStatus({ ...one, state: "in_progress", log_url: "https://ci.test/1", environment_url: "https://qa.test" }));
    assert.equal(status.state, "in_progress");
    assert.equal(status.target_url, "https://ci.test/1");
    await ok(201, repos.createDeploymentStatus({ ...one, state: "success" }));
    const statuses = await ok(200, repos.listDeploymentStatuses(one));
    assert.deepEqual(statuses.map((s) => s.state), ["success", "in_progress"]);
    assert.equal((await ok(200, repos.getDeploymentStatus({ ...one, status_id: status.id }))).id, status.id);
    assert.equal((await ok(200, repos.getDeployment(one))).id, made.id);

    const link = await octokit.request(`GET ${made.statuses_url}`); // a URL from a response
    assert.equal(link.data.length, 2);

    await ok(201, repos.createDeploymentStatus({ ...one, state: "inactive" }));
    await ok(204, repos.deleteDeployment(one));
    await refused(repos.getDeployment(one), 404, "Not Found");
  },

  async "auto_inactive"() {
    const ids = [];
    for (let i = 0; i < 2; i++) {
      const made = await ok(201, repos.createDeployment({ ...here, ref: "main", environment: "staging" }));
      ids.push(made.id);
      await ok(201, repos.createDeploymentStatus({ ...here, deployment_id: made.id, state: "success" }));
    }
    const statuses = await ok(200, repos.listDeploymentStatuses({ ...here, deployment_id: ids[0] }));
    assert.equal(statuses[0].state, "inactive");
    await refused(repos.deleteDeployment({ ...here, deployment_id: ids[1] }), 422, "cannot delete an active deployment");
  },

  async "lists page by page"() {
    const ids = [];
    for (let i = 0; i < 7; i++) {
      ids.push((await ok(201, repos.createDeployment({ ...here, ref: "main", environment: "many", task: i % 2 ? "odd" : "even" }))).id);
    }
    const all = await octokit.paginate(repos.listDeployments, { ...here, environment: "many", per_page: 2 });
    assert.deepEqual(all.map((d) => d.id).sort(), [...ids].sort());
    const odd = await octokit.paginate(repos.listDeployments, { ...here, environment: "many", task: "odd", per_page: 2 });
    assert.equal(odd.length, 3);
    const environments = await octokit.paginate(repos.getAllEnvironments, { ...here, per_page: 1 }); // the rows are inside an object
    assert.ok(environments.length >= 4 && environments.every((e) => e.name), JSON.stringify(environments));
    await control("POST", "/faults", { operation: "GET /repos/{owner}/{repo}/deployments", times: 3, effect: { type: "looping_link" } });
    let pages = 0;
    for await (const page of octokit.paginate.iterator(repos.listDeployments, { ...here, environment: "many" })) {
      assert.ok(page.data.length > 0);
      if (++pages === 3) break;
    }
    assert.equal(pages, 3);
    await control("DELETE", "/faults");
  },

  async "refusals of a creation"() {
    const create = (params) => repos.createDeployment({ ...here, environment: "refused", ...params });
    const merged = await create({ ref: "topic" });
    assert.equal(merged.status, 202);
    assert.ok(merged.data.message.includes("Auto-merged main into topic"), merged.data.message);
    await refused(create({ ref: "clash" }), 409, "Conflict merging main into clash");
    await refused(create({ ref: "red" }), 409, "Commit status checks failed for red");
    await ok(201, create({ ref: "red", required_contexts: [] }));
    await refused(create({ ref: "gone" }), 422, "No ref found for: gone");
    await refused(create({}), 422, `"ref" wasn't supplied`);
    await refused(create({ ref: "main", task: 5 }), 422, "task");
    await refused(client("reader").rest.repos.createDeployment({ ...here, ref: "main" }), 403, "Resource not accessible");
    await refused(client("wrong").rest.repos.listDeployments(here), 401, "Bad credentials");
    await refused(client(undefined).rest.repos.createDeployment({ ...here, ref: "main" }), 401, "Requires authentication");
    await refused(repos.listDeployments({ owner, repo: "none" }), 404, "Not Found");
    const { data } = await repos.createDeployment({ ...here, ref: "main", environment: "refused" });
    const status = (params) => repos.createDeploymentStatus({ ...here, deployment_id: data.id, ...params });
    await refused(status({ state: "done" }), 422, "Invalid request");
    await refused(status({ state: "success", description: "x".repeat(141) }), 422, "Validation Failed");
    await refused(status({ state: "success", environment_url: "qa.test" }), 422, "Validation Failed");
    await refused(octokit.request("GET /repos/{owner}/{repo}/deployments", { ...here, headers: { "x-github-api-version": "2020-01-01" } }), 400, "not a supported version");
  },

  async "environments"() {
    const name = "production / eu"; // octokit.js must escape it
    const one = { ...here, environment_name: name };
    const made = await ok(200, repos.createOrUpdateEnvironment({ ...one, wait_timer: 5, reviewers: [{ type: "User", id: 1 }], prevent_self_review: true }));
    assert.equal(made.name, name);
    assert.deepEqual(made.protection_rules.map((r) => r.type).sort(), ["required_reviewers", "wait_timer"]);
    assert.equal((await ok(200, repos.getEnvironment(one))).id, made.id);
    const list = await ok(200, repos.getAllEnvironments(here));
    assert.ok(list.total_count === list.environments.length && list.environments.some((e) => e.name === name));
    await refused(repos.createOrUpdateEnvironment({ ...one, wait_timer: 43201 }), 422, "Invalid request");
    await refused(repos.createOrUpdateEnvironment({ ...one, deployment_branch_policy: { protected_branches: true, custom_branch_policies: true } }), 422, "");

    await refused(repos.listDeploymentBranchPolicies({ ...one }), 404, "Not Found");
    await ok(200, repos.createOrUpdateEnvironment({ ...one, deployment_branch_policy: { protected_branches: false, custom_branch_policies: true } }));
    const policy = await ok(200, repos.createDeploymentBranchPolicy({ ...one, name: "release/*" }));
    assert.equal(policy.name, "release/*");
    const both = { ...one, branch_policy_id: policy.id };
    assert.equal((await ok(200, repos.updateDeploymentBranchPolicy({ ...both, name: "v*" }))).name, "v*");
    assert.equal((await ok(200, repos.getDeploymentBranchPolicy(both))).name, "v*");
    assert.equal((await ok(200, repos.listDeploymentBranchPolicies(one))).total_count, 1);
    await ok(204, repos.deleteDeploymentBranchPolicy(both));
    await refused(repos.getDeploymentBranchPolicy(both), 404, "Not Found");

    const apps = await ok(200, repos.listCustomDeploymentRuleIntegrations(one));
    assert.deepEqual(apps.available_custom_deployment_protection_rule_integrations.map((a) => a.slug), ["gate"]);
    const rule = await ok(201, repos.createDeploymentProtectionRule({ ...one, integration_id: 71 }));
    assert.equal(rule.app.slug, "gate");
    assert.equal((await ok(200, repos.getAllDeploymentProtectionRules(one))).total_count, 1);
    assert.equal((await ok(200, repos.getCustomDeploymentProtectionRule({ ...one, protection_rule_id: rule.id }))).id, rule.id);
    await ok(204, repos.disableDeploymentProtectionRule({ ...one, protection_rule_id: rule.id }));
    await ok(204, repos.deleteAnEnvironment(one));
    await refused(repos.getEnvironment(one), 404, "Not Found");
  },

  async "reviews of workflow runs"() {
    const run = await control("POST", `/repositories/${owner}/${repo}/runs`, { environments: ["gated", "checked"], actor: "hubot" });
    assert.deepEqual(run.deployments.map((d) => d.state), ["waiting", "waiting"]);
    const one = { ...here, run_id: run.id };
    const pending = await ok(200, actions.getPendingDeploymentsForRun(one));
    const gated = pending.find((p) => p.environment.name === "gated");
    assert.equal(gated.current_user_can_approve, true);
    const reviewed = await ok(200, actions.reviewPendingDeploymentsForRun({ ...one, environment_ids: [gated.environment.id], state: "approved", comment: "Ship it" }));
    assert.deepEqual(reviewed.map((d) => d.environment), ["gated"]);
    await refused(actions.reviewPendingDeploymentsForRun({ ...one, environment_ids: [gated.environment.id], state: "approved", comment: "" }), 422, "Validation Failed");
    await refused(actions.reviewCustomGatesForRun({ ...one, environment_name: "checked", state: "approved", comment: "" }), 403, "Resource not accessible");
    await ok(204, client("app").rest.actions.reviewCustomGatesForRun({ ...one, environment_name: "checked", state: "approved", comment: "Checked" }));
    const history = await ok(200, actions.getReviewsForRun(one));
    assert.deepEqual(history.map((r) => r.comment), ["Ship it", "Checked"]);
    assert.deepEqual(await control("POST", `/repositories/${owner}/${repo}/runs/${run.id}/step`, {}), { stepped: true });
    const done = await ok(200, repos.listDeploymentStatuses({ ...here, deployment_id: run.deployments[0].id }));
    assert.deepEqual(done.map((s) => s.state), ["success", "in_progress", "waiting"]);
  },

  async "quota"() {
    const before = await ok(200, rateLimit.get());
    assert.equal(before.resources.core.limit, 5000);
    await control("PUT", "/quota", { token: "admin", remaining: 0 });
    await refused(repos.listDeployments(here), 403, "API rate limit exceeded");

    // The throttling plugin must recognize both limits.
    const met = [];
    const throttled = client("admin", {
      throttle: {
        onRateLimit: (after) => void met.push(["primary", after > 3000 && after <= 3601]),
        onSecondaryRateLimit: (after) => void met.push(["secondary", after]),
      },
    });
    await refused(throttled.rest.repos.listDeployments(here), 403, "API rate limit exceeded");
    await control("POST", "/clock", { advance: "1h" });
    await ok(200, repos.listDeployments(here));
    await control("POST", "/faults", {
      operation: "GET /repos/{owner}/{repo}/deployments",
      effect: {
        type: "respond", status: 403, headers: { "Retry-After": "7" },
        body: JSON.stringify({ message: "You have exceeded a secondary rate limit. Please wait a few minutes before you try again." }),
      },
    });
    await refused(throttled.rest.repos.listDeployments(here), 403, "secondary rate limit");
    assert.deepEqual(met, [["primary", true], ["secondary", 7]]);
  },

  async "unchanged responses"() {
    const first = await repos.listDeployments(here);
    const etag = first.headers.etag;
    assert.ok(etag);
    await refused(repos.listDeployments({ ...here, headers: { "if-none-match": etag } }), 304, "");
  },

  async "broken connections"() {
    const create = "POST /repos/{owner}/{repo}/deployments";
    const count = async () => (await control("GET", `/repositories/${owner}/${repo}/deployments`)).deployments.length;
    for (const [type, made] of [["drop_before", 0], ["drop_after", 1]]) {
      const before = await count();
      await control("POST", "/faults", { operation: create, effect: { type } });
      await assert.rejects(repos.createDeployment({ ...here, ref: "main", environment: "dropped" }));
      assert.equal(await count(), before + made, type);
    }
    await control("POST", "/faults", { operation: create, effect: { type: "respond", status: 502, body: "<html>busy</html>" } });
    await refused(repos.createDeployment({ ...here, ref: "main" }), 502, "busy");
    const { faults } = await control("GET", "/faults");
    assert.deepEqual(faults.filter((f) => f.fired === 0), []);
    await control("DELETE", "/faults");
  },

  async "a renamed repository"() {
    const { data } = await repos.get(here);
    await control("POST", `/repositories/${owner}/${repo}/rename`, { full_name: "octocat/renamed" });
    assert.equal((await ok(200, repos.get(here))).full_name, "octocat/renamed"); // octokit.js follows the 301
    const made = await ok(201, repos.createDeployment({ ...here, ref: "main", environment: "renamed" })); // and the 307
    assert.ok(made.repository_url.endsWith("/repos/octocat/renamed"));
    assert.equal((await ok(200, repos.get({ owner, repo: "renamed" }))).id, data.id);
  },
};

for (const [name, step] of Object.entries(steps)) {
  try {
    await step();
    console.log(`ok: ${name}`);
  } catch (error) {
    console.error(`FAILED: ${name}\n${error.stack}`);
    process.exitCode = 1;
  }
}
