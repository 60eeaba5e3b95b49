package indicator_test

import (
	"context"
	"encoding/csv"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"zonebench.internal/pkg/auth/authtest"
	"zonebench.internal/pkg/fault"
	"zonebench.internal/pkg/figures"
	"zonebench.internal/pkg/ledger"
	"zonebench.internal/pkg/ledger/ledgertest"
	"zonebench.internal/pkg/local"
	"zonebench.internal/pkg/registry"
	"zonebench.internal/pkg/revision"
	"zonebench.internal/pkg/service"
	indicatorv1 "zonebench.internal/proto/gen/zonebench/indicator/v1"
	ledgerv1 "zonebench.internal/proto/gen/zonebench/ledger/v1"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
	zonev1 "zonebench.internal/proto/gen/zonebench/zone/v1"
	"zonebench.internal/services/indicator"
)

// bench is the real service over a real embedded ledger, called as a client would.
type bench struct {
	indicatorv1.IndicatorServiceClient

	targets indicatorv1.TargetServiceClient
	server  *local.Server
	ledger  *ledger.Ledger
	zones   *ledger.Lane[*registry.State]
	js      jetstream.JetStream
}

// open starts the service with the zones and reference units of the data folder registered.
func open(t testing.TB) *bench {
	t.Helper()
	server := ledgertest.Server(t, t.TempDir())
	led := ledgertest.OpenAt(t, server, ledger.Config{})
	b := &bench{server: server, ledger: led, zones: ledger.Fold(led, ledger.LaneZone, registry.New())}
	b.js = ledgertest.Deps(t, server).JetStream
	svc, err := indicator.New(indicator.Config{}, indicator.Deps{
		Lane: ledger.Fold(led, ledger.LaneIndicator, figures.New()), Registry: b.zones, Ledger: led, JetStream: b.js, Log: ledgertest.Log(t),
	})
	if err != nil {
		t.Fatal(err)
	}
	host, err := service.NewHost(service.Config{}, service.Deps{
		Log: ledgertest.Log(t), Metrics: prometheus.NewRegistry(), Identify: authtest.Identify, Ready: led.CaughtUp(),
		Unary: []grpc.UnaryServerInterceptor{revision.UnaryServer(led)}, Beneath: []service.Task{{Name: "ledger", Run: led.Run}},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- host.Serve(ctx, nil, svc) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the service ended: %v", err)
		}
	})
	<-host.Serving()
	conn, err := grpc.NewClient("passthrough:///local", grpc.WithContextDialer(func(ctx context.Context, a string) (net.Conn, error) {
		return host.DialLocal(ctx, a)
	}), grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(64<<20)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	b.IndicatorServiceClient, b.targets = indicatorv1.NewIndicatorServiceClient(conn), indicatorv1.NewTargetServiceClient(conn)
	b.register(t, subjects(t)...)
	return b
}

// register writes facts of the zone lane, which another service owns.
func (b *bench) register(t testing.TB, facts ...*ledgerv1.Fact) {
	t.Helper()
	_, err := b.zones.Commit(t.Context(), ledger.Command[*registry.State]{
		Method: "/test", Actor: "test",
		Decide: func(*registry.State, ledger.Position) (ledger.Proposal, error) {
			return ledger.Proposal{Facts: facts}, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
}

func data(t testing.TB, name string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("..", "..", "data", name))
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// subjects are the zones and reference units of the data folder, with their names.
func subjects(t testing.TB) []*ledgerv1.Fact {
	t.Helper()
	var facts []*ledgerv1.Fact
	for _, name := range []string{"reference_units.csv", "zones.csv"} {
		records, err := csv.NewReader(strings.NewReader(string(data(t, name)))).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		column := map[string]int{}
		for i, c := range records[0] {
			column[c] = i
		}
		for _, r := range records[1:] {
			get := func(c string) string { return r[column[c]] }
			display := &typev1.Localized{Zh: get("name_zh"), En: get("name_en")}
			var aliases []*zonev1.Alias
			for entry := range strings.SplitSeq(get("aliases"), ";") {
				text, contexts, _ := strings.Cut(strings.TrimSuffix(entry, "?"), "@")
				if text == "" {
					continue
				}
				a := &zonev1.Alias{Text: text}
				if contexts != "" {
					a.Contexts = strings.Split(contexts, ",")
				}
				aliases = append(aliases, a)
			}
			if name == "zones.csv" {
				facts = append(facts, &ledgerv1.Fact{Kind: &ledgerv1.Fact_Zone{Zone: &zonev1.Zone{
					Name: "zones/" + get("id"), DisplayName: display, Aliases: aliases, Parent: get("parent"),
				}}})
				continue
			}
			facts = append(facts, &ledgerv1.Fact{Kind: &ledgerv1.Fact_ReferenceUnit{ReferenceUnit: &zonev1.ReferenceUnit{
				Name: "referenceUnits/" + get("id"), DisplayName: display, Aliases: aliases, Parent: get("parent"),
			}}})
		}
	}
	return facts
}

// stock makes a few indicators and sources to work with.
func (b *bench) stock(t testing.TB) {
	t.Helper()
	for id, i := range map[string]*indicatorv1.Indicator{
		"fai":        {DisplayName: zh("固定资产投资"), Unit: "亿元", Nature: indicatorv1.Nature_NATURE_FLOW},
		"fai-growth": {DisplayName: zh("固定资产投资"), Unit: "%", Nature: indicatorv1.Nature_NATURE_GROWTH},
		"firms":      {DisplayName: zh("企业数"), Unit: "家", Nature: indicatorv1.Nature_NATURE_COUNT},
		"land":       {DisplayName: zh("用地"), Unit: "平方公里", Nature: indicatorv1.Nature_NATURE_STOCK},
		"list":       {DisplayName: zh("培育名单"), Nature: indicatorv1.Nature_NATURE_STATUS},
	} {
		i.Direction = indicatorv1.Direction_DIRECTION_HIGHER_IS_BETTER
		if _, err := b.CreateIndicator(t.Context(), &indicatorv1.CreateIndicatorRequest{IndicatorId: id, Indicator: i}); err != nil {
			t.Fatal(err)
		}
	}
	for id, r := range map[string]indicatorv1.Reliability{
		"wenzhou-template": indicatorv1.Reliability_RELIABILITY_TEMPLATE, "bureau": indicatorv1.Reliability_RELIABILITY_OFFICIAL,
		"shengzhou-2020": indicatorv1.Reliability_RELIABILITY_RE_POST,
	} {
		if _, err := b.CreateSource(t.Context(), &indicatorv1.CreateSourceRequest{SourceId: id, Source: &indicatorv1.Source{Title: zh(id), Reliability: r}}); err != nil {
			t.Fatal(err)
		}
	}
}

func zh(s string) *typev1.Localized { return &typev1.Localized{Zh: s} }

const (
	expected = indicatorv1.Ambition_AMBITION_EXPECTED
	strive   = indicatorv1.Ambition_AMBITION_STRIVE
	equal    = typev1.Comparator_COMPARATOR_EQUAL
	atLeast  = typev1.Comparator_COMPARATOR_AT_LEAST
	stated   = typev1.Certainty_CERTAINTY_STATED
)

func target(indicatorID string, ambition indicatorv1.Ambition) *indicatorv1.FigureKey {
	return &indicatorv1.FigureKey{
		Subject: "zones/wenzhou-etdz", Indicator: "indicators/" + indicatorID, Period: "2018", Kind: indicatorv1.Kind_KIND_TARGET, Ambition: ambition,
	}
}

func number(source, locator string, key *indicatorv1.FigureKey, c typev1.Comparator, value, unit string) *indicatorv1.Statement {
	return &indicatorv1.Statement{
		Source: "sources/" + source, Locator: locator, Key: key, Comparator: c, Value: &indicatorv1.Statement_Number{Number: value}, Unit: unit,
		SubjectCertainty: stated, PeriodCertainty: stated,
	}
}

func (b *bench) record(t testing.TB, statements ...*indicatorv1.Statement) *indicatorv1.RecordStatementsResponse {
	t.Helper()
	resp, err := b.RecordStatements(t.Context(), recording(statements...))
	if err != nil {
		t.Fatal(err)
	}
	return resp
}

func recording(statements ...*indicatorv1.Statement) *indicatorv1.RecordStatementsRequest {
	req := &indicatorv1.RecordStatementsRequest{}
	for _, s := range statements {
		req.Statements = append(req.Statements, &indicatorv1.NewStatement{Statement: s})
	}
	return req
}

// refusedWith checks code, reason and words of an error.
func refusedWith(t testing.TB, err error, code codes.Code, reason typev1.ErrorReason, says ...string) {
	t.Helper()
	if status.Code(err) != code || fault.ReasonOf(err) != reason {
		t.Errorf("code %v, reason %v: %v; want %v, %v", status.Code(err), fault.ReasonOf(err), err, code, reason)
		return
	}
	for _, s := range says {
		if !strings.Contains(err.Error(), s) {
			t.Errorf("the error does not say %q: %v", s, err)
		}
	}
}
