# The identity provider and its demo on this machine.

bin/latchkey: FORCE
	go build -trimpath -o $@ ./cmd/latchkey

.PHONY: FORCE build-cli demo
FORCE:

build-cli: bin/latchkey ## the command line, for this machine (bin/latchkey)

# make demo                    then open the address that it prints
# make demo ARGS=--headless    one sign-in by itself
demo: bin/latchkey ## identity provider, application and phone; ARGS=--headless does one sign-in by itself
	@./bin/latchkey demo $(ARGS)
