package main

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/printer"
	"go/token"
	"go/types"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/tools/go/ast/astutil"
	"golang.org/x/tools/go/packages"
)

// mutant is one way to break the code.
type mutant struct {
	n       int
	file    string
	line    int
	what    string // "< to <="
	code    string // the piece of code
	tests   []test // that reach it
	outcome outcome
}

func (m *mutant) String() string {
	return fmt.Sprintf("%d %s:%d: %s: %s", m.n, m.file, m.line, m.what, m.code)
}

// mutated is the package with all mutants in it.
type mutated struct {
	mutants []*mutant
	overlay string // path of the file for go build -overlay
}

//go:embed runtime.go.txt
var runtimeSource string

// mutate reads the package in dir and writes its mutated files to tmp.
func mutate(dir, tmp string) (*mutated, error) {
	fset := token.NewFileSet()
	loaded, err := packages.Load(&packages.Config{
		Mode: packages.NeedName | packages.NeedFiles | packages.NeedSyntax | packages.NeedTypes | packages.NeedTypesInfo | packages.NeedImports | packages.NeedDeps,
		Dir:  dir, Fset: fset, Env: environment(),
		// Without comments: the printer could put them in the way of what is added.
		ParseFile: func(fset *token.FileSet, name string, src []byte) (*ast.File, error) {
			return parser.ParseFile(fset, name, src, parser.SkipObjectResolution)
		},
	}, ".")
	if err != nil {
		return nil, err
	}
	if len(loaded) != 1 || len(loaded[0].Errors) > 0 {
		return nil, fmt.Errorf("%s: %v", dir, loaded[0].Errors)
	}
	pkg := loaded[0]
	w := &writer{fset: fset, info: pkg.TypesInfo, source: map[ast.Node]mutant{}}
	replace := map[string]string{}
	for i, file := range pkg.Syntax {
		w.file = filepath.Base(pkg.GoFiles[i])
		astutil.Apply(file, w.enter, w.leave)
		var b bytes.Buffer
		if err := format.Node(&b, fset, file); err != nil {
			return nil, fmt.Errorf("%s: %w", w.file, err)
		}
		path := filepath.Join(tmp, w.file)
		if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
			return nil, err
		}
		replace[pkg.GoFiles[i]] = path
	}
	helper := strings.NewReplacer("package mutants", "package "+pkg.Name, "COUNT", strconv.Itoa(len(w.all)+1)).Replace(runtimeSource)
	path := filepath.Join(tmp, "mutants_runtime.go")
	if err := os.WriteFile(path, []byte(helper), 0o600); err != nil {
		return nil, err
	}
	replace[filepath.Join(dir, "mutants_runtime.go")] = path
	b, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return nil, err
	}
	overlay := filepath.Join(tmp, "overlay.json")
	return &mutated{w.all, overlay}, os.WriteFile(overlay, b, 0o600)
}

// writer puts mutants into one file after the other.
type writer struct {
	fset *token.FileSet
	info *types.Info
	file string
	all  []*mutant
	// source has what nodes were before mutants were put into them.
	source map[ast.Node]mutant
}

// add notes a mutant of node and returns its number as an expression.
func (w *writer) add(node ast.Node, what string) ast.Expr {
	m := w.source[node]
	m.n, m.what = len(w.all)+1, what
	w.all = append(w.all, &m)
	return &ast.BasicLit{Kind: token.INT, Value: strconv.Itoa(m.n)}
}

// note keeps where a node is and how it reads.
func (w *writer) note(node ast.Node) {
	var b bytes.Buffer
	_ = printer.Fprint(&b, w.fset, node)
	code := strings.Join(strings.Fields(b.String()), " ")
	if len(code) > 100 {
		code = code[:100] + "…"
	}
	w.source[node] = mutant{file: w.file, line: w.fset.Position(node.Pos()).Line, code: code}
}

// enter keeps out of what is evaluated by the compiler, and notes what is to be left as it reads now.
func (w *writer) enter(c *astutil.Cursor) bool {
	if decl, ok := c.Node().(*ast.GenDecl); ok && decl.Tok != token.VAR {
		return false
	}
	switch node := c.Node().(type) {
	case *ast.FuncType:
		return false
	case ast.Expr, ast.Stmt:
		w.note(node)
	}
	return true
}

// leave mutates a node whose children have been.
func (w *writer) leave(c *astutil.Cursor) bool {
	switch node := c.Node().(type) {
	case *ast.BinaryExpr:
		w.binary(c, node)
	case *ast.UnaryExpr:
		if node.Op == token.NOT {
			w.negate(c, node, "! removed")
		}
	case *ast.Ident:
		if _, field := c.Parent().(*ast.SelectorExpr); !field && (node.Name == "true" || node.Name == "false") && w.info.Uses[node] == types.Universe.Lookup(node.Name) {
			w.negate(c, node, "turned round")
		}
	case *ast.CallExpr:
		if t := w.info.TypeOf(node); t != nil && isBool(t) && w.info.Types[node].Value == nil && !w.info.Types[node.Fun].IsType() {
			switch c.Parent().(type) {
			case *ast.ExprStmt: // nobody looks at it
			case *ast.DeferStmt, *ast.GoStmt: // it is called later
			default:
				w.negate(c, node, "turned round")
			}
		}
	case *ast.ReturnStmt:
		w.returned(node)
	case ast.Stmt:
		w.statement(c, node)
	}
	return true
}

func isBool(t types.Type) bool {
	b, ok := t.(*types.Basic)
	return ok && b.Info()&types.IsBoolean != 0
}

func call(name string, args ...ast.Expr) *ast.CallExpr {
	return &ast.CallExpr{Fun: ast.NewIdent(name), Args: args}
}

func (w *writer) negate(c *astutil.Cursor, node ast.Expr, what string) {
	c.Replace(call("mutantNot", w.add(node, what), node))
}

var comparisons = map[token.Token][2]string{
	token.LSS: {"<=", ">="}, token.LEQ: {"<", ">"}, token.GTR: {">=", "<="}, token.GEQ: {">", "<"},
}

var arithmetic = map[token.Token]string{
	token.ADD: "-", token.SUB: "+", token.MUL: "/", token.QUO: "*", token.REM: "*", token.AND: "|", token.OR: "&", token.XOR: "&", token.AND_NOT: "&",
}

func (w *writer) binary(c *astutil.Cursor, b *ast.BinaryExpr) {
	if tv, ok := w.info.Types[b]; !ok || tv.Value != nil {
		return
	}
	switch b.Op {
	case token.EQL, token.NEQ:
		w.negate(c, b, "turned round")
		return
	case token.LAND, token.LOR:
		swapped := map[token.Token]string{token.LAND: "||", token.LOR: "&&"}[b.Op]
		name := map[token.Token]string{token.LAND: "mutantAnd", token.LOR: "mutantOr"}[b.Op]
		later := &ast.FuncLit{
			Type: &ast.FuncType{Params: &ast.FieldList{}, Results: &ast.FieldList{List: []*ast.Field{{Type: ast.NewIdent("bool")}}}},
			Body: &ast.BlockStmt{List: []ast.Stmt{&ast.ReturnStmt{Results: []ast.Expr{b.Y}}}},
		}
		c.Replace(call(name, w.add(b, b.Op.String()+" to "+swapped), b.X, later))
		return
	}
	if !w.plain(b.X) || !w.plain(b.Y) {
		return
	}
	if to, ok := comparisons[b.Op]; ok {
		edge := w.add(b, b.Op.String()+" to "+to[0])
		w.add(b, b.Op.String()+" to "+to[1]) // its number is one more
		name := map[token.Token]string{token.LSS: "mutantLess", token.LEQ: "mutantLessEqual", token.GTR: "mutantMore", token.GEQ: "mutantMoreEqual"}[b.Op]
		c.Replace(call(name, edge, b.X, b.Y))
	}
	if to, ok := arithmetic[b.Op]; ok && !isString(w.info.TypeOf(b)) {
		c.Replace(call("mutantArithmetic", w.add(b, b.Op.String()+" to "+to), &ast.BasicLit{Kind: token.STRING, Value: strconv.Quote(b.Op.String())}, b.X, b.Y))
	}
}

func isString(t types.Type) bool {
	b, ok := t.Underlying().(*types.Basic)
	return ok && b.Info()&types.IsString != 0
}

// plain reports whether an operand's type is a number or a string whatever stands around it.
func (w *writer) plain(e ast.Expr) bool {
	t := w.info.TypeOf(e)
	if t == nil { // a piece that was put in
		return true
	}
	if shift, ok := ast.Unparen(e).(*ast.BinaryExpr); ok && (shift.Op == token.SHL || shift.Op == token.SHR) {
		return false // its left side takes its type from around
	}
	if _, generic := t.(*types.TypeParam); generic {
		return false
	}
	b, ok := t.Underlying().(*types.Basic)
	return ok && b.Info()&(types.IsInteger|types.IsFloat|types.IsString) != 0
}

// returned makes an error that is returned nil.
func (w *writer) returned(r *ast.ReturnStmt) {
	if len(r.Results) == 0 {
		return
	}
	last := &r.Results[len(r.Results)-1]
	if t := w.info.TypeOf(*last); t != nil && types.Identical(t, types.Universe.Lookup("error").Type()) {
		*last = call("mutantError", w.add(r, "error to nil"), *last)
	}
}

// statement leaves out a statement that stands in a list.
func (w *writer) statement(c *astutil.Cursor, s ast.Stmt) {
	if c.Index() < 0 {
		return
	}
	switch s := s.(type) {
	case *ast.ExprStmt:
		if f, ok := s.X.(*ast.CallExpr); ok {
			if name, ok := f.Fun.(*ast.Ident); ok && name.Name == "panic" {
				return // the function may end there
			}
		}
	case *ast.AssignStmt:
		if s.Tok == token.DEFINE || blank(s.Lhs) {
			return
		}
	case *ast.IncDecStmt, *ast.DeferStmt, *ast.GoStmt, *ast.SendStmt:
	default:
		return
	}
	on := call("mutantOn", w.add(s, "left out"))
	c.Replace(&ast.IfStmt{Cond: on, Body: &ast.BlockStmt{List: []ast.Stmt{s}}})
}

func blank(all []ast.Expr) bool {
	for _, e := range all {
		if name, ok := e.(*ast.Ident); !ok || name.Name != "_" {
			return false
		}
	}
	return true
}
