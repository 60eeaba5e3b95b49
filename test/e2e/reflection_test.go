package e2e_test

import (
	"context"
	"testing"

	"google.golang.org/grpc"
	reflectionv1 "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
)

// reflection calls a server of which it knows nothing but what reflection says.
type reflection struct {
	t      *testing.T
	ctx    context.Context
	conn   *grpc.ClientConn
	stream grpc.BidiStreamingClient[reflectionv1.ServerReflectionRequest, reflectionv1.ServerReflectionResponse]
}

func newReflection(t *testing.T, conn *grpc.ClientConn) *reflection {
	t.Helper()
	ctx := within(t)
	stream, err := reflectionv1.NewServerReflectionClient(conn).ServerReflectionInfo(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return &reflection{t: t, ctx: ctx, conn: conn, stream: stream}
}

func (r *reflection) ask(req *reflectionv1.ServerReflectionRequest) *reflectionv1.ServerReflectionResponse {
	r.t.Helper()
	if err := r.stream.Send(req); err != nil {
		r.t.Fatal(err)
	}
	resp, err := r.stream.Recv()
	if err != nil {
		r.t.Fatal(err)
	}
	return resp
}

func (r *reflection) services() []string {
	r.t.Helper()
	resp := r.ask(&reflectionv1.ServerReflectionRequest{MessageRequest: &reflectionv1.ServerReflectionRequest_ListServices{}})
	var names []string
	for _, s := range resp.GetListServicesResponse().GetService() {
		names = append(names, s.GetName())
	}
	return names
}

// service fetches the file of a service and all that it imports.
func (r *reflection) service(name string) protoreflect.ServiceDescriptor {
	r.t.Helper()
	files := make(map[string]*descriptorpb.FileDescriptorProto)
	var load func(*reflectionv1.ServerReflectionResponse)
	load = func(resp *reflectionv1.ServerReflectionResponse) {
		for _, raw := range resp.GetFileDescriptorResponse().GetFileDescriptorProto() {
			file := &descriptorpb.FileDescriptorProto{}
			if err := proto.Unmarshal(raw, file); err != nil {
				r.t.Fatal(err)
			}
			if files[file.GetName()] != nil {
				continue
			}
			files[file.GetName()] = file
			for _, dep := range file.GetDependency() {
				if files[dep] == nil {
					load(r.ask(&reflectionv1.ServerReflectionRequest{
						MessageRequest: &reflectionv1.ServerReflectionRequest_FileByFilename{FileByFilename: dep},
					}))
				}
			}
		}
	}
	load(r.ask(&reflectionv1.ServerReflectionRequest{
		MessageRequest: &reflectionv1.ServerReflectionRequest_FileContainingSymbol{FileContainingSymbol: name},
	}))
	set := &descriptorpb.FileDescriptorSet{}
	for _, f := range files {
		set.File = append(set.File, f)
	}
	registry, err := protodesc.NewFiles(set)
	if err != nil {
		r.t.Fatal(err)
	}
	found, err := registry.FindDescriptorByName(protoreflect.FullName(name))
	if err != nil {
		r.t.Fatal(err)
	}
	return found.(protoreflect.ServiceDescriptor)
}

// call sends a JSON body and returns the answer as JSON.
func (r *reflection) call(service, method, body string) (string, error) {
	r.t.Helper()
	m := r.service(service).Methods().ByName(protoreflect.Name(method))
	if m == nil {
		r.t.Fatalf("%s has no method %s", service, method)
	}
	req, resp := dynamicpb.NewMessage(m.Input()), dynamicpb.NewMessage(m.Output())
	if err := protojson.Unmarshal([]byte(body), req); err != nil {
		return "", err
	}
	if err := r.conn.Invoke(r.ctx, "/"+service+"/"+method, req, resp); err != nil {
		return "", err
	}
	answer, err := protojson.Marshal(resp)
	return string(answer), err
}
