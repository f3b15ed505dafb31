module github.com/ghdeploy/ghdeploy/benchmarks

go 1.26.0

replace github.com/ghdeploy/ghdeploy => ..

require (
	github.com/ghdeploy/ghdeploy v0.0.0-00010101000000-000000000000
	github.com/google/go-github/v92 v92.0.0
)

require (
	github.com/go-json-experiment/json v0.0.0-20260820222146-c27c302e5fc3 // indirect
	github.com/google/go-querystring v1.2.0 // indirect
	github.com/hashicorp/go-cleanhttp v0.5.2 // indirect
	github.com/hashicorp/go-retryablehttp v0.7.8 // indirect
)
