package openapi

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ghdeploy/ghdeploy"
)

// types binds schemas to Go types. A type may implement several schemas.
var types = []struct {
	schema string
	goType any
}{
	{"deployment", ghdeploy.Deployment{}},
	{"list-deployments-query", ghdeploy.DeploymentListOptions{}},
	{"create-deployment-request", ghdeploy.DeploymentRequest{}},
	{"deployment-status", ghdeploy.DeploymentStatus{}},
	{"list-deployment-statuses-query", ghdeploy.DeploymentStatusListOptions{}},
	{"create-deployment-status-request", ghdeploy.DeploymentStatusRequest{}},
	{"simple-user", ghdeploy.User{}},
	{"integration", ghdeploy.GitHubApp{}},
	{"simple-user|enterprise", ghdeploy.AppOwner{}},
	{"environment", ghdeploy.Environment{}},
	{"environment.protection_rules", ghdeploy.ProtectionRule{}},
	{"environment.protection_rules.reviewers", ghdeploy.Reviewer{}},
	{"deployment-branch-policy-settings", ghdeploy.DeploymentBranchPolicySettings{}},
	{"get-all-environments-query", ghdeploy.EnvironmentListOptions{}},
	{"create-or-update-environment-request", ghdeploy.EnvironmentRequest{}},
	{"create-or-update-environment-request.reviewers", ghdeploy.ReviewerRequest{}},
	{"team", ghdeploy.Team{}},
	{"team-simple", ghdeploy.Team{}},
	{"team.permissions", ghdeploy.TeamPermissions{}},
	{"deployment-branch-policy", ghdeploy.BranchPolicy{}},
	{"list-deployment-branch-policies-query", ghdeploy.BranchPolicyListOptions{}},
	{"deployment-branch-policy-name-pattern-with-type", ghdeploy.BranchPolicyRequest{}},
	{"deployment-branch-policy-name-pattern", ghdeploy.UpdateBranchPolicyRequest{}},
	{"deployment-protection-rule", ghdeploy.CustomProtectionRule{}},
	{"custom-deployment-rule-app", ghdeploy.CustomProtectionRuleApp{}},
	{"list-custom-deployment-rule-integrations-query", ghdeploy.CustomProtectionRuleAppListOptions{}},
	{"create-deployment-protection-rule-request", ghdeploy.CustomProtectionRuleRequest{}},
	{"pending-deployment", ghdeploy.PendingDeployment{}},
	{"pending-deployment.environment", ghdeploy.EnvironmentReference{}},
	{"pending-deployment.reviewers", ghdeploy.Reviewer{}},
	{"environment-approvals", ghdeploy.Approval{}},
	{"environment-approvals.environments", ghdeploy.EnvironmentReference{}},
	{"review-pending-deployments-for-run-request", ghdeploy.ReviewRequest{}},
	{"review-custom-gates-state-required", ghdeploy.CustomRuleReview{}},
	{"review-custom-gates-comment-required", ghdeploy.CustomRuleStatus{}},
}

// pending lists the operations that are not implemented yet.
var pending []string

// byHand lists the properties ("schema.property") that have no tag, because
// the type encodes or decodes them itself.
var byHand = map[string]string{
	"environment.protection_rules.reviewers.reviewer": "Reviewer decodes it by its type",
	"pending-deployment.reviewers.reviewer":           "Reviewer decodes it by its type",
}

const marker = "//ghdeploy:operation "

func TestDescriptionHas25Operations(t *testing.T) {
	if n := len(description(t).Operations); n != 25 {
		t.Errorf("%d operations are pinned, want 25", n)
	}
}

func TestEachOperationHasOneMethod(t *testing.T) {
	d, code := description(t), readSource(t)
	known := make(map[string]bool)
	for _, op := range d.Operations {
		known[op.Operation] = true
		methods := code.operations[op.Operation]
		isPending := slices.Contains(pending, op.Operation)
		switch {
		case len(methods) > 1:
			t.Errorf("%s is on %d methods: %s", op.Operation, len(methods), strings.Join(methods, ", "))
		case len(methods) == 1 && isPending:
			t.Errorf("%s is implemented (%s): remove it from pending", op.Operation, methods[0])
		case len(methods) == 0 && !isPending:
			t.Errorf("no method has the line %s%s", marker, op.Operation)
		}
		if len(methods) > 0 && !code.docs[op.Docs] {
			t.Errorf("%s: no comment has the line %q", op.Operation, "GitHub docs: "+op.Docs)
		}
		if op.Key != "" && len(methods) > 0 && !code.literals[op.Key] {
			t.Errorf("%s: no method uses the key %q of the response's list", op.Operation, op.Key)
		}
	}
	for name, methods := range code.operations {
		if !known[name] {
			t.Errorf("%s is on %s and not in description.json", name, strings.Join(methods, ", "))
		}
	}
	for _, name := range pending {
		if !known[name] {
			t.Errorf("pending has %s, which is not in description.json", name)
		}
	}
	for _, where := range code.stray {
		t.Errorf("%s: move the line %q to the comment of a method", where, marker)
	}
}

// Each schema of an implemented operation needs a Go type.
func TestEachSchemaHasAType(t *testing.T) {
	d, code := description(t), readSource(t)
	for _, op := range d.Operations {
		if len(code.operations[op.Operation]) == 0 {
			continue
		}
		for _, name := range d.Needs(op, func(name string) bool { return bound(name) != nil }) {
			if bound(name) == nil {
				t.Errorf("%s needs %q: bind it to a Go type in types", op.Operation, name)
			}
		}
	}
}

func TestEachPropertyHasAField(t *testing.T) {
	d, code := description(t), readSource(t)
	for _, b := range types {
		t.Run(b.schema, func(t *testing.T) {
			properties := d.Properties(b.schema)
			if properties == nil {
				t.Fatalf("there is no schema %q", b.schema)
			}
			tag := "json"
			if strings.HasSuffix(b.schema, "-query") {
				tag = "url"
			}
			goType := reflect.TypeOf(b.goType)
			for _, p := range properties {
				if byHand[b.schema+"."+p.Name] != "" {
					continue
				}
				field, ok := fieldOf(goType, tag, p.Name)
				if !ok {
					t.Errorf("%v has no field with the tag %s:%q", goType, tag, p.Name)
					continue
				}
				if want := unfit(p, p.Type, field.Type); want != "" {
					t.Errorf("%v.%s is a %v; %q is %s in the description, which needs %s", goType, field.Name, field.Type, p.Name, p.Type, want)
				}
				for _, value := range p.Enum {
					enum := plain(field.Type)
					if enum.Kind() == reflect.Slice {
						enum = enum.Elem()
					}
					if !slices.Contains(code.constants[enum.Name()], value) {
						t.Errorf("%v.%s: the type %v has no constant %q", goType, field.Name, enum, value)
					}
				}
			}
		})
	}
}

func description(t *testing.T) Description {
	t.Helper()
	d, err := Pinned()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func bound(schema string) reflect.Type {
	for _, b := range types {
		if b.schema == schema {
			return reflect.TypeOf(b.goType)
		}
	}
	return nil
}

// fieldOf finds a field by its tag, the outermost first, as JSON does.
func fieldOf(goType reflect.Type, tag, name string) (found reflect.StructField, ok bool) {
	for _, field := range reflect.VisibleFields(goType) {
		tagged, _, _ := strings.Cut(field.Tag.Get(tag), ",")
		if tagged == name && (!ok || len(field.Index) < len(found.Index)) {
			found, ok = field, true
		}
	}
	return found, ok
}

// unfit names the Go type that a property needs, "" if have is such a type. A
// pointer to a scalar is accepted everywhere.
func unfit(p Property, typ string, have reflect.Type) string {
	if item, isList := strings.CutPrefix(typ, "[]"); isList {
		if have.Kind() != reflect.Slice {
			return "a slice"
		}
		return unfit(Property{Name: p.Name}, item, elem(have))
	}
	if goType := bound(typ); goType != nil {
		switch {
		case plain(have) != goType:
			return "a " + goType.String()
		case p.Nullable && have.Kind() != reflect.Pointer:
			return "a pointer, because it can be null"
		}
		return ""
	}
	have = plain(have)
	isID := p.Name == "id" || strings.HasSuffix(p.Name, "_id") || strings.HasSuffix(p.Name, "_ids")
	switch {
	case typ == "string" && have.Kind() == reflect.String,
		typ == "boolean" && have.Kind() == reflect.Bool,
		typ == "date-time" && have == reflect.TypeFor[time.Time](),
		typ == "object" && (have.Kind() == reflect.Map || have.Kind() == reflect.Struct),
		typ == "integer" && have.Kind() == reflect.Int64,
		typ == "integer" && have.Kind() == reflect.Int && !isID,
		strings.Contains(typ, "|") && (have == reflect.TypeFor[ghdeploy.Payload]() || have == reflect.TypeFor[any]()):
		return ""
	}
	return map[string]string{
		"string":    "a string, or a type based on string",
		"boolean":   "a bool",
		"date-time": "a time.Time",
		"object":    "a map or a struct",
		"integer":   "an int64 (an int is allowed if it is not an ID)",
	}[typ] + orElse(strings.Contains(typ, "|"), "a Payload, an any, or a type bound to the union")
}

func orElse(is bool, text string) string {
	if is {
		return text
	}
	return ""
}

// elem returns the type of a slice's elements, without a pointer.
func elem(slice reflect.Type) reflect.Type { return plain(slice.Elem()) }

func plain(t reflect.Type) reflect.Type {
	if t.Kind() == reflect.Pointer {
		return t.Elem()
	}
	return t
}

// source is the content of the root package's files.
type source struct {
	operations map[string][]string // operation to the methods with its line
	stray      []string            // lines that are not on a method
	docs       map[string]bool     // addresses of "GitHub docs:" lines
	constants  map[string][]string // type name to the values of its constants
	literals   map[string]bool     // string arguments of calls
}

func readSource(t *testing.T) source {
	t.Helper()
	s := source{
		operations: make(map[string][]string),
		docs:       make(map[string]bool),
		constants:  make(map[string][]string),
		literals:   make(map[string]bool),
	}
	const root = "../.."
	entries, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	files := token.NewFileSet()
	for _, entry := range entries {
		name := entry.Name()
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(files, filepath.Join(root, name), nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		s.read(t, files, file)
	}
	return s
}

func (s source) take(line, method string) {
	operation := strings.TrimSpace(strings.TrimPrefix(line, marker))
	s.operations[operation] = append(s.operations[operation], method)
}

func (s *source) read(t *testing.T, files *token.FileSet, file *ast.File) {
	t.Helper()
	taken := make(map[*ast.CommentGroup]bool)
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			if n.Recv == nil || n.Doc == nil {
				break
			}
			taken[n.Doc] = true
			for _, line := range n.Doc.List {
				if strings.HasPrefix(line.Text, marker) {
					s.take(line.Text, n.Name.Name+" at "+files.Position(n.Pos()).String())
				}
			}
		case *ast.GenDecl:
			if n.Tok == token.CONST {
				s.readConstants(t, n)
			}
		case *ast.CallExpr:
			for _, argument := range n.Args {
				if literal, ok := argument.(*ast.BasicLit); ok && literal.Kind == token.STRING {
					text, _ := strconv.Unquote(literal.Value)
					s.literals[text] = true
				}
			}
		}
		return true
	})
	for _, group := range file.Comments {
		for _, line := range group.List {
			if strings.HasPrefix(line.Text, marker) && !taken[group] {
				s.stray = append(s.stray, files.Position(line.Pos()).String())
			}
			if _, address, ok := strings.Cut(line.Text, "GitHub docs: "); ok {
				s.docs[strings.TrimSpace(address)] = true
			}
		}
	}
}

// readConstants adds constants of the form `Name Type = "value"`.
func (s source) readConstants(t *testing.T, decl *ast.GenDecl) {
	t.Helper()
	for _, spec := range decl.Specs {
		values := spec.(*ast.ValueSpec)
		typ, ok := values.Type.(*ast.Ident)
		if !ok {
			continue
		}
		for _, v := range values.Values {
			var text string
			if literal, ok := v.(*ast.BasicLit); ok && json.Unmarshal([]byte(literal.Value), &text) == nil {
				s.constants[typ.Name] = append(s.constants[typ.Name], text)
			}
		}
	}
}
