// Asks the API of one version of Envoy, as its Go module has it, whether it takes configurations in JSON: every field is
// known and each value is one that the API allows. Prints a line for each file: its path, a tab, and `ok` or why not.
package main

import (
	"fmt"
	"os"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/anypb"

	bootstrap "github.com/envoyproxy/go-control-plane/envoy/config/bootstrap/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/access_loggers/file/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/access_loggers/stream/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/header_mutation/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/health_check/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/router/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/wasm/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/http/early_header_mutation/header_mutation/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/resource_monitors/downstream_connections/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/resource_monitors/fixed_heap/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/upstreams/http/v3"
	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
)

func main() {
	for _, path := range os.Args[1:] {
		said := "ok"
		if err := checkFile(path); err != nil {
			said = err.Error()
		}
		fmt.Printf("%s\t%s\n", path, said)
	}
}

func checkFile(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var message proto.Message = &discovery.DiscoveryResponse{}
	if strings.Contains(string(text), `"static_resources"`) {
		message = &bootstrap.Bootstrap{}
	}
	if err := protojson.Unmarshal(text, message); err != nil {
		return err
	}
	return check(message)
}

func check(message proto.Message) error {
	if one, ok := message.(interface{ ValidateAll() error }); ok {
		if err := one.ValidateAll(); err != nil {
			return err
		}
	}
	return checkWithin(message.ProtoReflect())
}

// The API's own rules do not look into what an Any holds.
func checkWithin(message protoreflect.Message) (err error) {
	if any, ok := message.Interface().(*anypb.Any); ok {
		held, err := any.UnmarshalNew()
		if err != nil {
			return err
		}
		return check(held)
	}
	message.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		switch {
		case field.IsMap():
			if field.MapValue().Message() != nil {
				value.Map().Range(func(_ protoreflect.MapKey, one protoreflect.Value) bool {
					err = checkWithin(one.Message())
					return err == nil
				})
			}
		case field.Message() == nil:
		case field.IsList():
			for i := 0; i < value.List().Len() && err == nil; i++ {
				err = checkWithin(value.List().Get(i).Message())
			}
		default:
			err = checkWithin(value.Message())
		}
		return err == nil
	})
	return err
}
