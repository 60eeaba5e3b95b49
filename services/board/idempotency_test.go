package board

import (
	"testing"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/types/descriptorpb"
)

// Only a mark in the contract makes a method one that a GET may call.
func TestIdempotencyIsWhatTheContractMarks(t *testing.T) {
	for level, want := range map[*descriptorpb.MethodOptions_IdempotencyLevel]connect.IdempotencyLevel{
		nil: connect.IdempotencyUnknown,
		descriptorpb.MethodOptions_IDEMPOTENT.Enum():      connect.IdempotencyIdempotent,
		descriptorpb.MethodOptions_NO_SIDE_EFFECTS.Enum(): connect.IdempotencyNoSideEffects,
	} {
		file, err := protodesc.NewFile(&descriptorpb.FileDescriptorProto{
			Name: new("test.proto"), Syntax: new("proto3"), Package: new("test"),
			MessageType: []*descriptorpb.DescriptorProto{{Name: new("Empty")}},
			Service: []*descriptorpb.ServiceDescriptorProto{{Name: new("Test"), Method: []*descriptorpb.MethodDescriptorProto{{
				Name: new("Read"), InputType: new(".test.Empty"), OutputType: new(".test.Empty"),
				Options: &descriptorpb.MethodOptions{IdempotencyLevel: level},
			}}}},
		}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := idempotency(file.Services().Get(0).Methods().Get(0)); got != want {
			t.Errorf("%v: %v, want %v", level, got, want)
		}
	}
}
