package config

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"reflect"
	"regexp"
	"strings"
	"time"

	"github.com/alecthomas/kong"
)

// ErrShown means that what was asked for, --help or the version, has been written to stdout: there is nothing left to do,
// and the exit code is 0.
var ErrShown = errors.New("shown")

// commandLine is the grammar of the command line. The settings are flags of the root, so that they may stand before and
// after the command.
type commandLine struct {
	Config

	Help        showHelp    `short:"h" help:"Show this help; after a command, the help of that command."`
	ShowVersion showVersion `name:"version" help:"Show the version."`

	Serve      struct{} `cmd:"" default:"1" help:"Serve sign-in. This is what happens without a command."`
	FakeWechat struct{} `cmd:"" name:"fakewechat" help:"Serve only the fake of WeChat's server API, for a back end under development."`
	Migrate    struct{} `cmd:"" help:"Apply pending schema migrations and exit."`
	Keys       struct {
		Generate struct{} `cmd:"" help:"Make the file with the server's secret keys. An existing file is left alone."`
		List     struct{} `cmd:"" help:"List the keys in that file, without the secrets."`
		Rotate   struct {
			Kind string `arg:"" placeholder:"KIND" oneof:"signing,refresh,session,phone" help:"Which keys: signing, refresh, session or phone."`
		} `cmd:"" help:"Add a key that takes over, and keep the old one for what it has signed or sealed."`
		Admin struct {
			Name  string `required:"" placeholder:"NAME" help:"Whose key it is, 1 to 64 characters. The audit trail names it."`
			Roles string `required:"" placeholder:"ROLES" help:"What it may do, with commas: SUPPORT, PRIVACY, AUDITOR, OPERATOR."`
			Days  int    `placeholder:"N" default:"90" min:"1" max:"366" help:"How long it lives."`
		} `cmd:"" help:"Make a key for an administrator, and show it this once."`
		AdminList   struct{} `cmd:"" name:"admin-list" help:"List the keys of administrators, without the secrets."`
		AdminRevoke struct {
			ID string `arg:"" placeholder:"ID" help:"Which key, as the list names it."`
		} `cmd:"" name:"admin-revoke" help:"End a key of an administrator, within a second."`
	} `cmd:"" help:"Make, list and rotate the server's secret keys, and those of administrators."`
	Audit struct {
		Verify struct {
			Checkpoint string `placeholder:"CHECKPOINT" help:"What a line of the log said: the chain must have reached this place, as 1234:0a1b2c3d.4e5f...."`
		} `cmd:"" help:"Read the audit trail and say what in it is not as it was written."`
	} `cmd:"" help:"Verify the audit trail."`
	Version struct{} `cmd:"" help:"Show the version."`
}

// Parse reads the command line and the environment (as from os.Environ), and the files that they name, into a checked
// Config. args are without the program's name.
//
// It returns [ErrShown] after writing --help or the version to stdout. Any other error holds one line per problem; it never
// holds a secret. Parse reads files and nothing else of the machine; it makes none.
func Parse(args, environ []string, stdout io.Writer) (*Config, error) {
	var (
		line  commandLine
		found problems
		env   = environment(environ)
	)
	parser, err := kong.New(&line, grammar(&found, env, stdout)...)
	if err != nil {
		return nil, fmt.Errorf("build command line: %w", err)
	}
	context, err := parser.Parse(args)
	if errors.Is(err, ErrShown) {
		return nil, ErrShown
	}
	if err != nil {
		return nil, fmt.Errorf("command line: %s; see mpauth --help", withoutValues(err.Error(), args))
	}
	if context.Command() == "version" {
		return nil, errors.Join(writeVersion(stdout), ErrShown)
	}

	c := &line.Config
	c.Command = Command(strings.TrimSuffix(strings.TrimSuffix(context.Command(), " <kind>"), " <id>"))
	c.KeyKind = line.Keys.Rotate.Kind
	c.Checkpoint = line.Audit.Verify.Checkpoint
	c.AdminKey = AdminKey{Name: line.Keys.Admin.Name, Days: line.Keys.Admin.Days, Roles: strings.Split(line.Keys.Admin.Roles, ",")}
	c.AdminKeyID = line.Keys.AdminRevoke.ID
	fromFlags(context, &found)
	c.check(given(context), env, &found)
	if err := found.err(); err != nil {
		return nil, err
	}
	c.Warnings = append(c.Warnings, env.unknown(parser.Model.Node, c.Apps)...)
	return c, nil
}

func grammar(found *problems, env environ, stdout io.Writer) []kong.Option {
	values := reader{found}
	return []kong.Option{
		kong.Name("mpauth"),
		kong.NoDefaultHelp(),
		kong.Writers(stdout, io.Discard),
		kong.Resolvers(kong.ResolverFunc(env.resolve)),
		kong.KindMapper(reflect.String, kong.MapperFunc(values.text)),
		kong.KindMapper(reflect.Int, kong.MapperFunc(values.number)),
		kong.KindMapper(reflect.Bool, switchReader{values}),
		kong.TypeMapper(reflect.TypeFor[time.Duration](), kong.MapperFunc(values.duration)),
		kong.TypeMapper(reflect.TypeFor[slog.Level](), kong.MapperFunc(values.level)),
		kong.TypeMapper(reflect.TypeFor[Secret](), kong.MapperFunc(values.secret)),
	}
}

// given returns the names of the settings that were written down somewhere, as opposed to left at their default.
func given(context *kong.Context) map[string]bool {
	names := map[string]bool{}
	for _, step := range context.Path {
		if step.Flag != nil {
			names[step.Flag.Name] = true
		}
	}
	return names
}

// fromFlags refuses secrets on the command line. They are flags for the grammar's sake, so that the refusal can say where a
// secret belongs; --help does not list them.
func fromFlags(context *kong.Context, p *problems) {
	for _, step := range context.Path {
		if step.Flag != nil && step.Flag.Hidden && !step.Resolved {
			name := step.Flag.Name
			p.add("--"+name, "a secret on the command line can be read by everybody on this machine",
				"use "+variable(name)+" or "+variable(name+"-file")+", and change the secret")
		}
	}
}

var plainWord = regexp.MustCompile(`^-{0,2}[a-z][a-z-]{0,30}$`)

// withoutValues takes arguments that may be secrets out of a message of the command-line parser.
func withoutValues(message string, args []string) string {
	for _, arg := range args {
		name, value, isFlag := strings.Cut(arg, "=")
		if !isFlag || !plainWord.MatchString(name) {
			value = arg
		}
		if value != "" && !plainWord.MatchString(value) {
			message = strings.ReplaceAll(message, value, "…")
		}
	}
	return message
}

// showHelp is the flag --help. It acts before any value is checked, and so also in the middle of a wrong configuration.
type showHelp bool

// IgnoreDefault keeps kong from adding the default command, whose help nobody asked for.
func (showHelp) IgnoreDefault() {}

// BeforeReset is called by kong when the flag was seen.
func (showHelp) BeforeReset(context *kong.Context) error {
	return errors.Join(writeHelp(context.Stdout, context.Model.Node, context.Selected()), ErrShown)
}

// showVersion is the flag --version.
type showVersion bool

// IgnoreDefault keeps kong from adding the default command.
func (showVersion) IgnoreDefault() {}

// BeforeReset is called by kong when the flag was seen.
func (showVersion) BeforeReset(context *kong.Context) error {
	return errors.Join(writeVersion(context.Stdout), ErrShown)
}
