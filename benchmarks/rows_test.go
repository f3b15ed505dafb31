package benchmarks

import (
	"fmt"
	"strings"
)

// rowsPerPage is GitHub's maximum for per_page.
const rowsPerPage = 100

// variant is one form of the rows.
type variant struct {
	name string
	app  bool // made through a GitHub App, as GitHub Actions does
}

var variants = []variant{
	{name: "plain", app: false},
	{name: "actions", app: true},
}

// page returns page n (from 1) of a list, as GitHub sends it: compact JSON, the
// newest deployment first. Every row differs. The creators alternate.
func (v variant) page(n int) []byte {
	var b strings.Builder
	b.WriteByte('[')
	for i := range rowsPerPage {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(v.deployment(4_518_412_576 - n*rowsPerPage - i))
	}
	b.WriteByte(']')
	return []byte(b.String())
}

// deployment returns the deployment with an ID.
func (v variant) deployment(id int) string {
	const root = "https://api.github.com/repos/acme/shop"
	payload := pick(id, `{}`, `""`, `{"version":"1.4.0","canary":[1,2.5,null,true],"region":"eu-west-1"}`, `"{\"build\":1841}"`)
	app := "null"
	if v.app {
		app = actionsApp
	}
	return fmt.Sprintf(`{"url":"%[1]s/deployments/%[2]d","id":%[2]d,"node_id":"DE_kwDOAJVrm8%010[2]x",`+
		`"task":"deploy","original_environment":%[3]s,"environment":%[3]s,"description":%[4]s,`+
		`"created_at":"2026-%02[5]d-%02[6]dT10:%02[7]d:09Z","updated_at":"2026-%02[5]d-%02[6]dT11:%02[7]d:38Z",`+
		`"statuses_url":"%[1]s/deployments/%[2]d/statuses","repository_url":"%[1]s","creator":%[8]s,`+
		`"sha":"%040[9]x","ref":%[14]s,"payload":%[10]s,"transient_environment":%[11]t,`+
		`"production_environment":%[12]t,"performed_via_github_app":%[13]s}`,
		root, id, pick(id, `"production"`, `"staging"`, fmt.Sprintf(`"preview-%d"`, id%20)),
		pick(id, `null`, `""`, `"Deployed by the release workflow"`),
		1+id%12, 1+id%28, id%60, creator(id), uint64(id)*0x9e3779b97f4a7c15, payload,
		id%3 == 2, id%3 == 0, app, pick(id, `"main"`, `"main"`, `"release/1.4"`, `"renovate/go-1.27"`))
}

func pick(id int, values ...string) string { return values[id%len(values)] }

// creator returns one of three accounts, and null for a deleted one.
func creator(id int) string {
	if id%50 == 7 {
		return "null"
	}
	return pick(id, account("octocat", 583231, "User"), account("github-actions[bot]", 41898282, "Bot"), account("acme-release-manager", 100271664, "User"))
}

func account(login string, id int, kind string) string {
	escaped := strings.NewReplacer("[", "%5B", "]", "%5D").Replace(login)
	return fmt.Sprintf(`{"login":"%[1]s","id":%[2]d,"node_id":"U_kgDO%08[2]x",`+
		`"avatar_url":"https://avatars.githubusercontent.com/u/%[2]d?v=4","gravatar_id":"",`+
		`"url":"https://api.github.com/users/%[3]s","html_url":"https://github.com/%[3]s",`+
		`"followers_url":"https://api.github.com/users/%[3]s/followers",`+
		`"following_url":"https://api.github.com/users/%[3]s/following{/other_user}",`+
		`"gists_url":"https://api.github.com/users/%[3]s/gists{/gist_id}",`+
		`"starred_url":"https://api.github.com/users/%[3]s/starred{/owner}{/repo}",`+
		`"subscriptions_url":"https://api.github.com/users/%[3]s/subscriptions",`+
		`"organizations_url":"https://api.github.com/users/%[3]s/orgs",`+
		`"repos_url":"https://api.github.com/users/%[3]s/repos",`+
		`"events_url":"https://api.github.com/users/%[3]s/events{/privacy}",`+
		`"received_events_url":"https://api.github.com/users/%[3]s/received_events",`+
		`"type":"%[4]s","user_view_type":"public","site_admin":false}`, login, id, escaped, kind)
}

// actionsApp is the app of GitHub Actions, in the form of GitHub's description.
var actionsApp = `{"id":15368,"client_id":"Iv1.05c79e9ad1f6bdfa","slug":"github-actions","node_id":"MDM6QXBwMTUzNjg=",` +
	`"owner":` + account("github", 9919, "Organization") + `,"name":"GitHub Actions",` +
	`"description":"Automate your workflow from idea to production","external_url":"https://help.github.com/en/actions",` +
	`"html_url":"https://github.com/apps/github-actions","created_at":"2018-07-30T09:30:17Z","updated_at":"2025-12-10T14:33:09Z",` +
	`"permissions":{"actions":"write","administration":"read","artifact_metadata":"write","attestations":"write",` +
	`"checks":"write","contents":"write","copilot_requests":"write","deployments":"write","discussions":"write",` +
	`"issues":"write","merge_queues":"write","metadata":"read","models":"read","packages":"write","pages":"write",` +
	`"pull_requests":"write","repository_hooks":"write","repository_projects":"write","security_events":"write",` +
	`"statuses":"write","vulnerability_alerts":"read"},"events":["branch_protection_rule","check_run","check_suite",` +
	`"create","delete","deployment","deployment_status","discussion","discussion_comment","fork","gollum",` +
	`"issue_comment","issues","label","merge_group","milestone","page_build","public","pull_request",` +
	`"pull_request_review","pull_request_review_comment","push","registry_package","release","repository",` +
	`"repository_dispatch","status","watch","workflow_dispatch","workflow_run"]}`

// statusEvent is the payload of a deployment_status event without a workflow.
func statusEvent() string {
	const id = 4_518_412_576
	url := fmt.Sprintf("https://api.github.com/repos/acme/shop/deployments/%d", id)
	return fmt.Sprintf(`{"action":"created","deployment_status":{"url":"%[1]s/statuses/9218374650","id":9218374650,`+
		`"node_id":"DES_kwDOAJVrm8000000225736ba","state":"success","creator":%[2]s,"description":"Deployed in 74 s",`+
		`"environment":"production","target_url":"https://ci.example.com/runs/1841","log_url":"https://ci.example.com/runs/1841",`+
		`"environment_url":"https://shop.example.com","created_at":"2026-11-21T10:00:00Z","updated_at":"2026-11-21T10:00:00Z",`+
		`"deployment_url":"%[1]s","repository_url":"https://api.github.com/repos/acme/shop","performed_via_github_app":null},`+
		`"deployment":%[3]s,"repository":%[4]s,"sender":%[2]s}`,
		url, account("octocat", 583231, "User"), variants[0].deployment(id), eventRepository())
}

// eventRepository is a repository as events show it, with all its URLs.
func eventRepository() string {
	var b strings.Builder
	b.WriteString(`{"id":9784987,"node_id":"R_kgDOAJVrmw","name":"shop","full_name":"acme/shop","private":true,"owner":` +
		account("acme", 19864447, "Organization") + `,"html_url":"https://github.com/acme/shop","description":"The shop","fork":false,` +
		`"url":"https://api.github.com/repos/acme/shop"`)
	for _, name := range []string{
		"forks", "keys", "collaborators", "teams", "hooks", "issue_events", "events", "assignees", "branches", "tags", "blobs",
		"git_tags", "git_refs", "trees", "statuses", "languages", "stargazers", "contributors", "subscribers", "subscription",
		"commits", "git_commits", "comments", "issue_comment", "contents", "compare", "merges", "archive", "downloads", "issues",
		"pulls", "milestones", "notifications", "labels", "releases", "deployments", "git", "ssh", "clone", "svn",
	} {
		fmt.Fprintf(&b, `,"%[1]s_url":"https://api.github.com/repos/acme/shop/%[1]s"`, name)
	}
	b.WriteString(`,"mirror_url":null,"created_at":"2013-05-01T08:12:40Z","updated_at":"2026-11-21T09:58:03Z",` +
		`"pushed_at":"2026-11-21T09:59:11Z","homepage":"https://shop.example.com","size":48211,"stargazers_count":12,` +
		`"watchers_count":12,"language":"Go","has_issues":true,"has_projects":true,"has_downloads":true,"has_wiki":false,` +
		`"has_pages":false,"forks_count":3,"archived":false,"disabled":false,"open_issues_count":41,"license":null,` +
		`"forks":3,"open_issues":41,"watchers":12,"default_branch":"main","is_template":false,"topics":["shop","go"],` +
		`"visibility":"private","web_commit_signoff_required":false,"custom_properties":{"tier":"1"}}`)
	return b.String()
}
