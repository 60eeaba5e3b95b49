package auth_test

import (
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"zonebench.internal/pkg/auth"
	"zonebench.internal/pkg/fault"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
)

// methods are the full names of every method of the contracts, ours and those
// of gRPC that every process serves. The packages that the table names are
// linked into this test, and a contract that it does not name is found by the
// test of the standalone server, which asks the server what it serves.
func methods() map[string]protoreflect.MethodDescriptor {
	found := map[string]protoreflect.MethodDescriptor{}
	protoregistry.GlobalFiles.RangeFiles(func(file protoreflect.FileDescriptor) bool {
		name := string(file.Package())
		if !strings.HasPrefix(name, "zonebench.") && !strings.HasPrefix(name, "grpc.health.") && !strings.HasPrefix(name, "grpc.reflection.") {
			return true
		}
		for i := range file.Services().Len() {
			service := file.Services().Get(i)
			for j := range service.Methods().Len() {
				method := service.Methods().Get(j)
				found["/"+string(service.FullName())+"/"+string(method.Name())] = method
			}
		}
		return true
	})
	return found
}

func TestEveryMethodHasAnEntryAndEveryEntryAMethod(t *testing.T) {
	found, table := methods(), auth.Table()
	if len(found) < 80 {
		t.Fatalf("only %d methods are linked into the test", len(found))
	}
	for name := range found {
		if _, ok := table[name]; !ok {
			t.Errorf("%s has no entry in the table of accesses: nobody can call it", name)
		}
	}
	for name, access := range table {
		if _, ok := found[name]; !ok {
			t.Errorf("the entry %s names no method", name)
		}
		if (access.Scope == auth.Open) != (len(access.Roles) == 0) {
			t.Errorf("%s is %s and for %v", name, access.Scope, access.Roles)
		}
		for _, r := range access.Roles {
			if !slices.Contains(auth.Roles(), r) {
				t.Errorf("%s is for the unknown role %q", name, r)
			}
		}
	}
}

// What changes something takes a request id (AIP-155); what does not, reads.
func TestOnlyReadsAreForViewersAndServices(t *testing.T) {
	table := auth.Table()
	for name, method := range methods() {
		writes := method.Input().Fields().ByName("request_id") != nil
		for _, role := range []auth.Role{auth.Viewer, auth.Service} {
			may := slices.Contains(table[name].Roles, role)
			if writes && may {
				t.Errorf("%s writes and is for %s", name, role)
			}
		}
		if !writes && table[name].Scope == auth.Spoken {
			t.Errorf("%s reads and is %s", name, auth.Spoken)
		}
	}
}

func TestReportersChangeNothingButWhatTheySpeakFor(t *testing.T) {
	table := auth.Table()
	for name, method := range methods() {
		if method.Input().Fields().ByName("request_id") != nil && slices.Contains(table[name].Roles, auth.Reporter) && table[name].Scope != auth.Spoken {
			t.Errorf("%s writes, is for reporters and %s", name, table[name].Scope)
		}
	}
}

func TestAdministratorsMayEverything(t *testing.T) {
	for name := range auth.Table() {
		if err := auth.Permit(auth.Operator(), name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRefusedByDefault(t *testing.T) {
	for name, c := range map[string]struct {
		caller auth.Caller
		method string
	}{
		"a method without an entry": {auth.Operator(), "/zonebench.zone.v1.ZoneService/DropEverything"},
		"no method":                 {auth.Operator(), ""},
		"nobody":                    {auth.Caller{}, "/zonebench.zone.v1.ZoneService/GetZone"},
		"a subject without a role":  {auth.Caller{Subject: "x"}, "/zonebench.zone.v1.ZoneService/GetZone"},
		"an invented role":          {auth.Caller{Subject: "x", Roles: []auth.Role{"root"}}, "/zonebench.zone.v1.ZoneService/GetZone"},
		"too weak a role":           {auth.Caller{Subject: "x", Roles: []auth.Role{auth.Publisher}}, "/zonebench.system.v1.AuditService/ListTransactions"},
	} {
		err := auth.Permit(c.caller, c.method)
		if status.Code(err) != codes.PermissionDenied || fault.ReasonOf(err) != typev1.ErrorReason_ERROR_REASON_NOT_PERMITTED {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := auth.Permit(auth.Caller{}, "/grpc.health.v1.Health/Check"); err != nil {
		t.Errorf("a probe: %v", err)
	}
}

func TestWhatRolesReach(t *testing.T) {
	const mine, other = "zones/example-a", "zones/example-b"
	type reach struct {
		seesOther, seesMine, speaksOther, speaksMine bool
		gives                                        typev1.Stage
	}
	for role, want := range map[auth.Role]reach{
		auth.Viewer:    {},
		auth.Reporter:  {seesMine: true, speaksMine: true, gives: typev1.Stage_STAGE_SUBMITTED},
		auth.Reviewer:  {true, true, true, true, typev1.Stage_STAGE_APPROVED},
		auth.Publisher: {true, true, true, true, typev1.Stage_STAGE_RELEASED},
		auth.Admin:     {true, true, true, true, typev1.Stage_STAGE_RELEASED},
		auth.Service:   {seesOther: true, seesMine: true},
	} {
		c := auth.Caller{Subject: "x", Roles: []auth.Role{role}, Zones: []string{mine}}
		got := reach{c.Sees(other), c.Sees(mine), c.SpeaksFor(other), c.SpeaksFor(mine), 0}
		for stage := range typev1.Stage_name {
			if s := typev1.Stage(stage); c.Gives(s) {
				got.gives = max(got.gives, s)
			}
		}
		if got != want {
			t.Errorf("%s: %+v, want %+v", role, got, want)
		}
	}
}
