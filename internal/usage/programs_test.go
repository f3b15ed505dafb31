package usage

import (
	"bytes"
	"context"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// subcommands are those that have a help of their own, by the program.
var subcommands = map[string][]string{"release": {"live", "history", "retire", "wait"}}

// Every program of the repository prints its help in one form, and refuses an
// unknown flag. Those of nested modules need further modules, so they are built
// only in CI.
func TestPrograms(t *testing.T) {
	for module, dirs := range programs(t) {
		t.Run(module, func(t *testing.T) {
			if module != "." && os.Getenv("CI") == "" {
				t.Skip("CI is not set")
			}
			bin := build(t, module, dirs)
			for _, dir := range dirs {
				name := filepath.Base(dir)
				t.Run(name, func(t *testing.T) {
					variables := variablesOf(t, dir)
					testProgram(t, filepath.Join(bin, name), name, nil, variables)
					for _, sub := range subcommands[name] {
						testProgram(t, filepath.Join(bin, name), name+" "+sub, []string{sub}, nil)
					}
				})
			}
		})
	}
}

const root = "../.."

// programs returns the directories of all main packages, by that of their
// module. All of them are relative to the root.
func programs(t *testing.T) map[string][]string {
	t.Helper()
	found := make(map[string][]string)
	modules := []string{"."}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.IsDir() {
			return err
		}
		dir, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		if base := entry.Name(); dir != "." && (strings.HasPrefix(base, ".") || base == "testdata" || base == "node_modules") {
			return filepath.SkipDir
		}
		if _, err := os.Stat(filepath.Join(path, "go.mod")); err == nil && dir != "." {
			modules = append(modules, dir)
		}
		if isMain(t, path) {
			module := "."
			for _, m := range modules { // a directory comes before those in it
				if dir == m || strings.HasPrefix(dir, m+string(filepath.Separator)) {
					module = m
				}
			}
			found[module] = append(found[module], dir)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(found["."], filepath.Join("cmd", "ghdeploy-server")) {
		t.Fatalf("ghdeploy-server is not among the programs %v", found)
	}
	return found
}

func isMain(t *testing.T, dir string) bool {
	t.Helper()
	return slices.ContainsFunc(parse(t, dir, parser.PackageClauseOnly), func(f *ast.File) bool { return f.Name.Name == "main" })
}

// parse parses the files of dir, except tests.
func parse(t *testing.T, dir string, mode parser.Mode) []*ast.File {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	var files []*ast.File
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, mode)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	return files
}

// variablesOf returns the environment variables that the program in dir reads.
func variablesOf(t *testing.T, dir string) []string {
	t.Helper()
	var variables []string
	for _, file := range parse(t, filepath.Join(root, dir), 0) {
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			function, ok := call.Fun.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			switch function.Sel.Name {
			case "Getenv", "LookupEnv":
				if literal, ok := call.Args[0].(*ast.BasicLit); ok {
					name, err := strconv.Unquote(literal.Value)
					if err != nil {
						t.Fatal(err)
					}
					variables = append(variables, name)
				}
			case "FromEnvironment":
				variables = append(variables, "GH_TOKEN", "GITHUB_TOKEN", "GITHUB_API_URL")
			}
			return true
		})
	}
	return variables
}

// build builds the programs of a module, and returns the directory of the
// executables.
func build(t *testing.T, module string, dirs []string) string {
	t.Helper()
	bin := t.TempDir() + string(filepath.Separator)
	args := []string{"build", "-o", bin}
	for _, dir := range dirs {
		rel, err := filepath.Rel(module, dir)
		if err != nil {
			t.Fatal(err)
		}
		args = append(args, "./"+filepath.ToSlash(rel))
	}
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Dir = filepath.Join(root, module)
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOOS=", "GOARCH=", "CGO_ENABLED=") // the programs run here
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return bin
}

func testProgram(t *testing.T, path, name string, args, variables []string) {
	t.Helper()
	for _, flag := range []string{"-h", "-help"} {
		code, out, errs := run(t, path, append(args, flag)...)
		if code != 0 || errs != "" {
			t.Errorf("%s %s: exit code %d, want 0; standard error %q", name, flag, code, errs)
		}
		for _, fault := range check(name, out) {
			t.Errorf("%s %s: %s", name, flag, fault)
		}
		for _, variable := range variables {
			if !strings.Contains(out, "  "+variable+" ") {
				t.Errorf("%s %s: the program reads %s, which the help does not list", name, flag, variable)
			}
		}
		if t.Failed() {
			t.Logf("%s %s:\n%s", name, flag, out)
		}
	}
	code, out, errs := run(t, path, append(args, "-no-such-flag")...)
	program, _, _ := strings.Cut(name, " ")
	want := program + ": flag provided but not defined: -no-such-flag\nrun " + name + " -h for the flags\n"
	if code != InvalidUsage || out != "" || errs != want {
		t.Errorf("%s -no-such-flag: exit code %d, want %d; standard output %q; standard error %q, want %q", name, code, InvalidUsage, out, errs, want)
	}
}

// run runs a program without the variables that name an account.
func run(t *testing.T, path string, args ...string) (code int, out, errs string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // a process, so this is the real clock
	defer cancel()
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env = slices.DeleteFunc(os.Environ(), func(entry string) bool {
		return strings.HasPrefix(entry, "GH_") || strings.HasPrefix(entry, "GITHUB_") || strings.HasPrefix(entry, "WEBHOOK_")
	})
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()
}
