package ghdeploy

import (
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
)

// parseBase takes the API's root, and not the site that people look at: that
// answers every call with a 404.
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

// parseURL never repeats what may be a password or a token: nothing of a text
// that is not a URL, and of one that is no more than its host, or its path once
// there is nothing else in it.
func parseURL(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	switch {
	case s == "":
		return nil, fmt.Errorf("the URL is empty; the default is https://api.github.com/")
	case err != nil:
		return nil, fmt.Errorf("this is not a URL; write one such as https://ghe.example.com/api/v3")
	case u.User != nil:
		return nil, fmt.Errorf("the URL of %s holds a user; a token goes into WithToken", u.Host)
	case u.Scheme != "https" && u.Scheme != "http":
		return nil, fmt.Errorf("this does not begin with https://; write one such as https://ghe.example.com/api/v3")
	case u.Hostname() == "":
		return nil, fmt.Errorf("this names no host; write one such as https://ghe.example.com/api/v3")
	case u.RawQuery != "" || u.ForceQuery:
		return nil, fmt.Errorf("%s holds a query; the API's root has none", u.Host)
	case u.Fragment != "" || strings.Contains(s, "#"):
		return nil, fmt.Errorf("%s holds a fragment; the API's root has none", u.Host)
	}
	if port, err := strconv.ParseUint(u.Port(), 10, 16); u.Port() != "" && (err != nil || port == 0) {
		return nil, fmt.Errorf("the port of %s is none; ports are 1 to 65535", u.Host)
	}
	for element := range strings.SplitSeq(u.Path, "/") {
		if element == "." || element == ".." {
			return nil, fmt.Errorf("%q holds %q in its path", s, element)
		}
	}
	u.Host = strings.ToLower(u.Host)
	if _, err := url.Parse(u.String()); err != nil { // a zone that a URL cannot spell
		return nil, fmt.Errorf("this is not a URL; write one such as https://ghe.example.com/api/v3")
	}
	return u, nil
}

func parseHost(s string) (*url.URL, error) {
	full := s
	if !strings.Contains(s, "://") {
		full = "https://" + s
	}
	u, err := parseURL(full)
	switch {
	case s == "":
		return nil, fmt.Errorf("the host is empty; write one such as github.com")
	case err != nil:
		return nil, err
	case strings.Trim(u.Path, "/") != "":
		return nil, fmt.Errorf("%q holds a path; give the host alone, or the API's root in WithBaseURL", s)
	}
	host := strings.TrimPrefix(u.Hostname(), "www.")
	tenant, isTenant := strings.CutSuffix(host, ".ghe.com")
	switch {
	case host == "github.com", host == "api.github.com":
		u.Host, u.Path = "api.github.com", ""
	case isTenant:
		u.Host, u.Path = "api."+strings.TrimPrefix(tenant, "api.")+".ghe.com", ""
	default:
		u.Path = "/api/v3"
	}
	return u, nil
}

// origin is what a token is bound to: scheme, host and port.
func origin(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return u.Scheme + "://" + net.JoinHostPort(strings.ToLower(u.Hostname()), port)
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || ip != nil && ip.IsLoopback()
}
