package ghdeploy

import (
	"net/url"
	"strconv"
	"strings"
)

// ParseRepository splits "octocat/example", the form of GITHUB_REPOSITORY, into
// owner and repo. Any other form is an [ErrInvalidArgument].
func ParseRepository(s string) (owner, repo string, err error) {
	owner, repo, ok := strings.Cut(s, "/")
	if !ok || !isName(owner) || !isName(repo) {
		return "", "", invalidArgument("%q is not a repository; use the form octocat/example", s)
	}
	return owner, repo, nil
}

// ParseDeploymentURL splits the URL of a deployment that the API returns, on
// any host: https://api.github.com/repos/octocat/example/deployments/42, or the
// same below https://ghe.example.com/api/v3. Any other form is an
// [ErrInvalidArgument].
func ParseDeploymentURL(s string) (owner, repo string, id int64, err error) {
	refused := invalidArgument("%q is not the API URL of a deployment, such as https://api.github.com/repos/octocat/example/deployments/42", s)
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return "", "", 0, refused
	}
	elements := strings.Split(strings.Trim(u.EscapedPath(), "/"), "/")
	if len(elements) < 5 {
		return "", "", 0, refused
	}
	elements = elements[len(elements)-5:]
	owner, ownerErr := url.PathUnescape(elements[1])
	repo, repoErr := url.PathUnescape(elements[2])
	id, idErr := strconv.ParseInt(elements[4], 10, 64)
	if elements[0] != "repos" || elements[3] != "deployments" ||
		ownerErr != nil || repoErr != nil || idErr != nil || id <= 0 || !isName(owner) || !isName(repo) {
		return "", "", 0, refused
	}
	return owner, repo, id, nil
}

// isName reports whether s can be the name of an owner or a repository.
func isName(s string) bool {
	return s != "" && s != "." && s != ".." && !strings.ContainsAny(s, "/ \t\r\n")
}
