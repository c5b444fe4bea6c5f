package config

import (
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/alecthomas/kong"
)

// reader turns the text of a value into the value. What is wrong with it goes into the list of problems and not back to
// kong, which would stop at the first; the field is left zero then.
type reader struct{ found *problems }

// word returns the next value's text. Its error ends the parsing: without a value the rest of the line has no meaning.
func word(ctx *kong.DecodeContext) (string, error) {
	token, err := ctx.Scan.PopValue("a")
	if err != nil {
		return "", fmt.Errorf("needs a value")
	}
	return token.String(), nil
}

// label names the setting, or the argument, that a value is for.
func label(value *kong.Value) string {
	if value.Flag == nil {
		return strings.ToUpper(value.Name)
	}
	if !isSetting(value.Flag) {
		return "--" + value.Flag.Name
	}
	return setting(value.Flag.Name)
}

func (r reader) text(ctx *kong.DecodeContext, target reflect.Value) error {
	text, err := word(ctx)
	if err != nil {
		return err
	}
	if choice := ctx.Value.Tag.Get("oneof"); choice != "" && !slices.Contains(strings.Split(choice, ","), text) {
		r.found.add(label(ctx.Value), shown(text)+" is not one of its values", "choose "+strings.ReplaceAll(choice, ",", ", "))
		return nil
	}
	target.SetString(text)
	return nil
}

func (r reader) secret(ctx *kong.DecodeContext, target reflect.Value) error {
	text, err := word(ctx)
	if err != nil {
		return err
	}
	target.Set(reflect.ValueOf(NewSecret(text)))
	return nil
}

func (r reader) number(ctx *kong.DecodeContext, target reflect.Value) error {
	text, err := word(ctx)
	if err != nil {
		return err
	}
	least, most := ctx.Value.Tag.Get("min"), ctx.Value.Tag.Get("max")
	number, err := strconv.Atoi(text)
	if err != nil {
		r.found.add(label(ctx.Value), shown(text)+" is not a whole number", "choose "+least+" to "+most)
		return nil
	}
	if bound, _ := strconv.Atoi(least); number < bound {
		r.found.add(label(ctx.Value), shown(text)+" is too small", "choose "+least+" to "+most)
		return nil
	}
	if bound, _ := strconv.Atoi(most); number > bound {
		r.found.add(label(ctx.Value), shown(text)+" is too large", "choose "+least+" to "+most)
		return nil
	}
	target.SetInt(int64(number))
	return nil
}

func (r reader) duration(ctx *kong.DecodeContext, target reflect.Value) error {
	text, err := word(ctx)
	if err != nil {
		return err
	}
	least, most := ctx.Value.Tag.Get("min"), ctx.Value.Tag.Get("max")
	length, err := time.ParseDuration(text)
	if err != nil {
		r.found.add(label(ctx.Value), shown(text)+" is not a duration", "write a number and its unit, such as 500ms, 30s, 10m or 720h")
		return nil
	}
	if bound, _ := time.ParseDuration(least); length < bound {
		r.found.add(label(ctx.Value), shown(text)+" is too short", "choose "+least+" to "+most)
		return nil
	}
	if bound, _ := time.ParseDuration(most); length > bound {
		r.found.add(label(ctx.Value), shown(text)+" is too long", "choose "+least+" to "+most)
		return nil
	}
	target.SetInt(int64(length))
	return nil
}

func (r reader) level(ctx *kong.DecodeContext, target reflect.Value) error {
	text, err := word(ctx)
	if err != nil {
		return err
	}
	levels := map[string]slog.Level{"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError}
	level, ok := levels[text]
	if !ok {
		r.found.add(label(ctx.Value), shown(text)+" is not one of its values", "choose debug, info, warn, error")
		return nil
	}
	target.Set(reflect.ValueOf(level))
	return nil
}

// switchReader reads booleans: a flag without a value is on.
type switchReader struct{ reader }

// IsBool tells kong that the flag may stand alone.
func (switchReader) IsBool() bool { return true }

// Decode implements kong.Mapper.
func (r switchReader) Decode(ctx *kong.DecodeContext, target reflect.Value) error {
	if ctx.Scan.Peek().Type != kong.FlagValueToken {
		target.SetBool(true)
		return nil
	}
	switch text := ctx.Scan.Pop().String(); strings.ToLower(text) {
	case "on", "true", "yes", "1":
		target.SetBool(true)
	case "off", "false", "no", "0":
		target.SetBool(false)
	default:
		r.found.add(label(ctx.Value), shown(text)+" is neither on nor off", "choose on or off")
	}
	return nil
}
