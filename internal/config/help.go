package config

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// helpWidth is the width of --help in columns, the same on every terminal and in every pipe.
const helpWidth = 100

// writeHelp shows the settings of a command, or with no command (and for serve, which has them all) the whole surface: for
// each setting its flag, its variable, its default and range, and what it means.
func writeHelp(w io.Writer, root, selected *kong.Node) error {
	var page strings.Builder
	command := ""
	if selected == nil || selected.Name == "serve" {
		page.WriteString("mpauth signs people in to WeChat Mini Programs.\n\nUsage: mpauth [command] [settings]\n")
		writeCommands(&page, root)
		wrap(&page, 0, "\nA setting is a flag or a variable; the flag wins. Secrets are variables or files, never flags. "+
			"Without any setting mpauth serves development on this machine: SQLite, demo apps, and a WeChat inside the process.")
	} else {
		command = selected.Path()
		fmt.Fprintf(&page, "Usage: mpauth %s%s [settings]\n\n%s\n", selected.Path(), arguments(selected), selected.Help)
		writeCommands(&page, selected)
		for _, argument := range selected.Positional {
			fmt.Fprintf(&page, "\n  %s\n", strings.ToUpper(argument.Name))
			wrap(&page, 6, argument.Help)
		}
		for _, flag := range selected.Flags {
			fmt.Fprintf(&page, "\n  --%s=%s\n", flag.Name, flag.PlaceHolder)
			wrap(&page, 6, flag.Help+" "+own(flag))
		}
	}
	writeSettings(&page, root, command)
	_, err := io.WriteString(w, page.String())
	return err
}

func writeCommands(page *strings.Builder, node *kong.Node) {
	leaves := node.Leaves(true)
	if len(leaves) == 0 {
		return
	}
	page.WriteString("\nCommands\n")
	for _, leaf := range leaves {
		fmt.Fprintf(page, "  %-22s%s\n", leaf.Path()+arguments(leaf), leaf.Help)
	}
}

// writeSettings lists the settings that matter to the command, group by group, and last what is no setting.
func writeSettings(page *strings.Builder, root *kong.Node, command string) {
	group := ""
	for _, flag := range root.Flags {
		if !isSetting(flag) || !matters(flag, command) {
			continue
		}
		if flag.Group.Title != group {
			group = flag.Group.Title
			fmt.Fprintf(page, "\n%s\n", group)
		}
		writeSetting(page, flag)
	}
	page.WriteString("\nHelp\n")
	for _, flag := range root.Flags {
		if !isSetting(flag) {
			fmt.Fprintf(page, "  %-20s%s\n", short(flag)+"--"+flag.Name, flag.Help)
		}
	}
}

func writeSetting(page *strings.Builder, flag *kong.Flag) {
	switch {
	case flag.Hidden:
		fmt.Fprintf(page, "  %s\n", variable(flag.Name))
	case flag.IsBool():
		fmt.Fprintf(page, "  --[no-]%s  %s=on|off\n", flag.Name, variable(flag.Name))
	default:
		fmt.Fprintf(page, "  --%s=%s  %s\n", flag.Name, flag.PlaceHolder, variable(flag.Name))
	}
	wrap(page, 6, flag.Help+" "+remark(flag))
}

// remark says what happens without the setting, and between which bounds it may be set.
func remark(flag *kong.Flag) string {
	text := flag.Default
	switch {
	case flag.Tag.Get("otherwise") != "":
		text = flag.Tag.Get("otherwise")
	case flag.IsBool():
		text = map[string]string{"true": "on", "false": "off"}[flag.Default]
	}
	text = "Default: " + text
	if most := flag.Tag.Get("max"); most != "" {
		text += "; from " + flag.Tag.Get("min") + " to " + most
	}
	return "(" + text + ")"
}

// own says of a flag that belongs to one command what happens without it.
func own(flag *kong.Flag) string {
	switch {
	case flag.Required:
		return "(Required)"
	case flag.HasDefault:
		return remark(flag)
	default:
		return "(Default: none)"
	}
}

// matters reports whether a command looks at a setting: serve (and no command) at all of them. "keys" in the setting's list
// stands for each command that begins so.
func matters(flag *kong.Flag, command string) bool {
	begins := func(name string) bool { return name != "" && strings.HasPrefix(command, name) }
	return command == "" || slices.ContainsFunc(strings.Split(flag.Tag.Get("for"), ","), begins)
}

func arguments(node *kong.Node) string {
	text := ""
	if !node.Leaf() {
		text = " COMMAND"
	}
	for _, argument := range node.Positional {
		text += " " + strings.ToUpper(argument.Name)
	}
	return text
}

func short(flag *kong.Flag) string {
	if flag.Short == 0 {
		return ""
	}
	return "-" + string(flag.Short) + ", "
}

// wrap writes text in lines of at most helpWidth columns, each behind an indent.
func wrap(page *strings.Builder, indent int, text string) {
	margin := strings.Repeat(" ", indent)
	for strings.HasPrefix(text, "\n") {
		page.WriteString("\n")
		text = text[1:]
	}
	line := margin
	for _, word := range strings.Fields(text) {
		if len(line)+1+len(word) > helpWidth && line != margin {
			page.WriteString(line + "\n")
			line = margin
		}
		if line != margin {
			line += " "
		}
		line += word
	}
	page.WriteString(line + "\n")
}
