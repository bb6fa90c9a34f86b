package main

import (
	"io"

	"github.com/CycloneDX/cyclonedx-go"
)

// writeBOM writes the components as CycloneDX. There is no time and no serial
// number in it: the same source gives the same file.
func writeBOM(w io.Writer, version string, components []component) error {
	bom := cyclonedx.NewBOM()
	refs := map[string]string{module: "pkg:golang/" + module + "@" + version}
	for _, c := range components {
		if c.name != module {
			refs[c.name] = c.purl
		}
	}
	parts, uses := []cyclonedx.Component{}, []cyclonedx.Dependency{}
	for _, c := range components {
		part := describe(c, refs[c.name])
		if c.name == module {
			part.Type, part.Version = cyclonedx.ComponentTypeApplication, version
			bom.Metadata = &cyclonedx.Metadata{Component: &part}
		} else {
			parts = append(parts, part)
		}
		var on []string
		for _, name := range c.uses {
			on = append(on, refs[name])
		}
		uses = append(uses, cyclonedx.Dependency{Ref: refs[c.name], Dependencies: &on})
	}
	bom.Components, bom.Dependencies = &parts, &uses
	return cyclonedx.NewBOMEncoder(w, cyclonedx.BOMFileFormatJSON).SetPretty(true).EncodeVersion(bom, cyclonedx.SpecVersion1_6)
}

func describe(c component, ref string) cyclonedx.Component {
	part := cyclonedx.Component{
		BOMRef: ref, PackageURL: ref, Type: cyclonedx.ComponentTypeLibrary, Name: c.name, Version: c.version,
		Scope: cyclonedx.ScopeRequired, Licenses: &cyclonedx.Licenses{{Expression: c.license}},
	}
	if c.sum != "" {
		part.Properties = &[]cyclonedx.Property{{Name: "go.sum", Value: c.sum}}
	}
	return part
}
