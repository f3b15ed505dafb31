module github.com/ghdeploy/ghdeploy/examples/enterprise

go 1.26

require (
	github.com/ghdeploy/ghdeploy v0.0.0
	github.com/golang-jwt/jwt/v5 v5.3.1
	github.com/jferrl/go-githubauth v1.5.1
	golang.org/x/oauth2 v0.34.0
)

require (
	github.com/go-json-experiment/json v0.0.0-20260820222146-c27c302e5fc3 // indirect
	github.com/google/go-querystring v1.2.0 // indirect
	github.com/hashicorp/go-cleanhttp v0.5.2 // indirect
	github.com/hashicorp/go-retryablehttp v0.7.8 // indirect
)

replace github.com/ghdeploy/ghdeploy => ../..
