# The command line.

bin/latchkey: FORCE
	go build -trimpath -o $@ ./cmd/latchkey

.PHONY: FORCE build-cli
FORCE:

build-cli: bin/latchkey
