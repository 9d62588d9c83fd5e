package main

import (
	"encoding/json"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"

	"tallygate/radiusd"
)

func newConfigCmd(c *console) *cobra.Command {
	return group("config", "The configuration file", configCheckCmd(c), configShowCmd(c))
}

func configCheckCmd(c *console) *cobra.Command {
	return &cobra.Command{
		Use:   "check [FILE]",
		Short: "Check a configuration file without starting anything",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			path := findConfig(c.config)
			if len(args) > 0 {
				path = args[0]
			}
			cfg, err := loadConfig(path)
			if err != nil {
				return err
			}
			if r := cfg.Radius.RadSec; len(r.Listen) > 0 {
				warnings, err := radiusd.CheckRadSec(r.files(), time.Now())
				if err != nil {
					return err
				}
				for _, w := range warnings {
					c.warn("%s", w)
				}
			}
			checked := struct {
				File string `json:"file"`
				OK   bool   `json:"ok"`
			}{path, true}
			return c.done(checked, "%s is in order", or(path, "no configuration file: the built-in configuration"))
		},
	}
}

func configShowCmd(c *console) *cobra.Command {
	return &cobra.Command{
		Use:   "show",
		Short: "Print the configuration in force, every value said",
		Args:  takes(),
		RunE: func(*cobra.Command, []string) error {
			cfg, err := loadConfig(findConfig(c.config))
			if err != nil {
				return err
			}
			text, err := cfg.effective()
			if err != nil {
				return err
			}
			if !c.json {
				_, err = c.out.Write(text)
				return err
			}
			if text, err = yaml.YAMLToJSON(text); err != nil {
				return err
			}
			return c.printJSON(json.RawMessage(text))
		},
	}
}
