module github.com/ghdeploy/ghdeploy/conformance

go 1.26.0

replace github.com/ghdeploy/ghdeploy => ..
