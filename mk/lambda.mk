# Builds of the Lambda functions. `sam build` calls build-<LogicalID> with
# ARTIFACTS_DIR (template.yaml: BuildMethod makefile); the logical ID without
# "Function", in lower case, is the folder under functions/.
#
# The same source and the same Go give the same program, wherever it is built.

LAMBDA_GOARCH ?= arm64
LAMBDA_FLAGS  := -mod=readonly -trimpath -buildvcs=false -tags lambda.norpc -ldflags "-s -w"

build-%Function:
	GOFLAGS= CGO_ENABLED=0 GOOS=linux GOARCH=$(LAMBDA_GOARCH) GOARM64=v8.0 GOAMD64=v1 go build $(LAMBDA_FLAGS) \
		-o "$(ARTIFACTS_DIR)/bootstrap" ./functions/$(shell echo $* | tr A-Z a-z)

.PHONY: lambdas sam-validate
lambdas:
	scripts/build-lambdas.sh

sam-validate:
	scripts/sam.sh validate --lint
	scripts/sam.sh cfn-lint template.yaml infra/*.yaml
