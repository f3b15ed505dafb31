package ghdeploy

import (
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
)

// parseBase returns the API's root. It refuses the website, which returns 404
// to every call.
func parseBase(s string) (*url.URL, error) {
	u, err := parseURL(s)
	if err != nil {
		return nil, err
	}
	if host := u.Hostname(); strings.TrimPrefix(host, "www.") == "github.com" {
		return nil, fmt.Errorf("%s is not the API; that is https://api.github.com/, the default", host)
	}
	return u, nil
}

// parseURL parses a URL. Its errors repeat no part of s that may be a password
// or a token: at most the host, or the path if there is nothing else.
func parseURL(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	switch {
	case s == "":
		return nil, fmt.Errorf("the URL is empty; the default is https://api.github.com/")
	case err != nil:
		return nil, fmt.Errorf("this is not a URL; use one such as https://ghe.example.com/api/v3")
	case u.User != nil:
		return nil, fmt.Errorf("the URL of %s contains a user; pass a token to WithToken", u.Host)
	case u.Scheme != "https" && u.Scheme != "http":
		return nil, fmt.Errorf("this does not begin with https://; use one such as https://ghe.example.com/api/v3")
	case u.Hostname() == "":
		return nil, fmt.Errorf("this has no host; use one such as https://ghe.example.com/api/v3")
	case u.RawQuery != "" || u.ForceQuery:
		return nil, fmt.Errorf("%s has a query; the API's root has none", u.Host)
	case u.Fragment != "" || strings.Contains(s, "#"):
		return nil, fmt.Errorf("%s has a fragment; the API's root has none", u.Host)
	}
	if port, err := strconv.ParseUint(u.Port(), 10, 16); u.Port() != "" && (err != nil || port == 0) {
		return nil, fmt.Errorf("invalid port in %s; ports are 1 to 65535", u.Host)
	}
	for element := range strings.SplitSeq(u.Path, "/") {
		if element == "." || element == ".." {
			return nil, fmt.Errorf("%q contains %q in its path", s, element)
		}
	}
	u.Host = strings.ToLower(u.Host)
	if _, err := url.Parse(u.String()); err != nil { // a zone that a URL cannot spell
		return nil, fmt.Errorf("this is not a URL; use one such as https://ghe.example.com/api/v3")
	}
	return u, nil
}

// parseHost returns the API's root of a host's address.
func parseHost(s string) (*url.URL, error) {
	full := s
	if !strings.Contains(s, "://") {
		full = "https://" + s
	}
	if s == "" {
		return nil, fmt.Errorf("the host is empty; use one such as github.com")
	}
	u, err := parseURL(full)
	if err != nil {
		return nil, err
	}
	host := strings.TrimPrefix(u.Hostname(), "www.")
	tenant, isTenant := strings.CutSuffix(host, ".ghe.com")
	path := strings.Trim(u.Path, "/")
	switch {
	case path != "" && path != enterprisePath:
		return nil, fmt.Errorf("%q has a path; pass only the host, or pass the API's root to WithBaseURL", s)
	case path != "" && (isTenant || host == "github.com" || host == "api.github.com"):
		return nil, fmt.Errorf("%q has the path of a GitHub Enterprise Server; pass only the host", s)
	case host == "github.com", host == "api.github.com":
		u.Host, u.Path = "api.github.com", ""
	case isTenant:
		u.Host, u.Path = "api."+strings.TrimPrefix(tenant, "api.")+".ghe.com", ""
	default:
		u.Path = "/" + enterprisePath
	}
	return u, nil
}

// enterprisePath is the path of the API on a GitHub Enterprise Server.
const enterprisePath = "api/v3"

// wrongBase describes a base URL that is probably the website of a GitHub
// Enterprise Server, "" for any other. Tenants of ghe.com and github.com have
// their API on a host of its own.
func wrongBase(base string) string {
	u, err := url.Parse(base)
	if err != nil || strings.HasSuffix(u.Path, "/"+enterprisePath) || u.Host == "api.github.com" || strings.HasSuffix(u.Hostname(), ".ghe.com") {
		return ""
	}
	return "not a response of GitHub's API; the base URL of a GitHub Enterprise Server ends in /" + enterprisePath
}

// origin returns the scheme, host and port of a URL. The token is bound to it.
func origin(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return u.Scheme + "://" + net.JoinHostPort(strings.ToLower(u.Hostname()), port)
}

// loopback reports whether net/http reaches a host without a proxy of the
// environment. It sends requests for other names in .localhost to the proxy.
func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
