// Reads a compose file as `docker compose` does, all profiles on, and prints what it comes to as JSON. What Compose would warn of goes to
// standard error.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/template"
)

func main() {
	if err := read(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func read(file string) error {
	options, err := cli.NewProjectOptions(
		[]string{file},
		cli.WithOsEnv,
		cli.WithProfiles([]string{"*"}),
	)
	if err != nil {
		return err
	}
	ctx := context.Background()
	project, err := options.LoadProject(ctx)
	if err != nil {
		return err
	}
	// As it is written, with the variables in place.
	written, err := cli.NewProjectOptions([]string{file}, cli.WithProfiles([]string{"*"}), cli.WithInterpolation(false))
	if err != nil {
		return err
	}
	model, err := written.LoadModel(ctx)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(map[string]any{
		"project":   project,
		"variables": template.ExtractVariables(model, template.DefaultPattern),
	})
}
