package main

import (
	"flag"
	"fmt"
	"os"
)

// help is the help of each subcommand, up to its flags.
var help = map[string]string{
	"release": `release deploys with your command and reports the deployment to GitHub.

Usage:
  release -environment NAME [flags] [--] COMMAND [ARG...]
  release -demo
  release live [-environment NAME] [flags]
  release history [-environment NAME] [flags]
  release retire -environment NAME|PATTERN [flags]
  release wait [flags] ID
`,
	"release live": `release live prints the live deployment of each environment.

Usage:
  release live [-environment NAME] [flags]
`,
	"release history": `release history prints the newest deployments.

Usage:
  release history [-environment NAME] [flags]
`,
	"release retire": `release retire makes old deployments inactive or deletes them.

Usage:
  release retire -environment NAME|PATTERN [flags]
`,
	"release wait": `release wait waits for a deployment and prints its statuses.

Usage:
  release wait [flags] ID
`,
}

const environment = `
Environment:
  GH_TOKEN           the token
  GITHUB_TOKEN       the token, if GH_TOKEN is not set
  GITHUB_API_URL     the API root of a GitHub Enterprise Server
  GITHUB_REPOSITORY  the default of -repo
  TERM               no progress is shown if it is dumb
`

// deployment ends the help of the program itself, after environment.
const deployment = `  GITHUB_SHA         the default of -ref

Exit codes:
  0      the command succeeded
  1-255  the exit code of the command, if it fails
  2      the command line is invalid
  125    GitHub refused the call or could not be reached
  126    the command could not be started
  127    the command does not exist
  128+N  the signal N ended the command or this program
`

// printHelp prints the help of a subcommand.
func printHelp(flags *flag.FlagSet) {
	fmt.Print(help[flags.Name()], "\nFlags:\n")
	flags.SetOutput(os.Stdout)
	flags.PrintDefaults()
	fmt.Print(environment)
	if flags.Name() == "release" {
		fmt.Print(deployment)
	}
}

// commandName returns the name of the subcommand that args begin with.
func commandName(args []string) string {
	if len(args) > 0 && help["release "+args[0]] != "" {
		return "release " + args[0]
	}
	return "release"
}
