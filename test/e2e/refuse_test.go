package e2e_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"zonebench.internal/data"
	"zonebench.internal/pkg/fault"
	"zonebench.internal/pkg/service"
	indicatorv1 "zonebench.internal/proto/gen/zonebench/indicator/v1"
	rankingv1 "zonebench.internal/proto/gen/zonebench/ranking/v1"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
	zonev1 "zonebench.internal/proto/gen/zonebench/zone/v1"
	"zonebench.internal/test/harness"
)

// applied is the revision of an installation: what was not written did not move it.
func applied(t *testing.T, c harness.Clients) int64 {
	t.Helper()
	resp, err := c.Zone.ListZones(within(t), &zonev1.ListZonesRequest{
		PageSize: 1, Consistency: &typev1.Consistency{Requirement: &typev1.Consistency_FullyConsistent{FullyConsistent: true}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return resp.GetState().GetRevision()
}

// Bad tables are refused whole, and the report names line, column and remedy.
func TestBadTablesAreRefusedWhole(t *testing.T) {
	in := harness.Start(t, "")
	harness.Load(t, in.Clients)
	before := applied(t, in.Clients)
	const header = "source,locator,subject,indicator,period,class,kind,ambition,comparator,value,unit,tag,subject_certainty,period_certainty,stage\n"
	row := func(subject, indicator, value, unit string) string {
		return "jinan-2020,试," + subject + "," + indicator + ",2020,,target,expected,=," + value + "," + unit + ",headline,stated,stated,released\n"
	}
	good := row("zones/luan-jinan-edz", "gdp-growth", "7", "%")
	for name, c := range map[string]struct {
		table  string
		line   int32
		column string
		says   string
	}{
		"unknown zone":              {header + row("zones/atlantis", "gdp-growth", "7", "%"), 2, "subject", "atlantis"},
		"ambiguous without context": {strings.ReplaceAll(header+row("金开", "gdp-growth", "7", "%"), "jinan-2020", "wenzhou-template"), 2, "subject", "金开"},
		"bare 嵊州":                   {header + row("嵊州", "gdp-growth", "7", "%"), 2, "subject", "嵊州"},
		"wrong unit":                {header + row("zones/luan-jinan-edz", "gdp-growth", "7", "亩"), 2, "unit", "亩"},
		"full-width digits":         {header + row("zones/luan-jinan-edz", "gdp-growth", "７", "%"), 2, "value", "７"},
		"decimal comma":             {header + row("zones/luan-jinan-edz", "gdp-growth", `"7,5"`, "%"), 2, "value", "7,5"},
		"ragged row":                {header + good + "jinan-2020,短\n", 3, "", ""},
		"unknown column":            {strings.Replace(header, "locator", "locater", 1) + good, 1, "locater", "locator"},
		"one bad row of two":        {header + good + row("zones/atlantis", "gdp-growth", "7", "%"), 3, "subject", "atlantis"},
		"GBK not declared":          {header + strings.Replace(good, "试", "\xca\xd4\xd1\xe9", 1), 2, "", "GB"},
	} {
		t.Run(name, func(t *testing.T) {
			resp, err := in.Indicator.ImportFigures(within(t), &indicatorv1.ImportFiguresRequest{
				Kind: indicatorv1.FigureTable_FIGURE_TABLE_STATEMENTS, Table: &typev1.Table{Content: []byte(c.table)},
			})
			if err != nil {
				// A file that is no table at all is refused in a sentence.
				if fault.ReasonOf(err) != typev1.ErrorReason_ERROR_REASON_MALFORMED_TABLE || !strings.Contains(err.Error(), c.says) {
					t.Fatal(err)
				}
				return
			}
			r := resp.GetReport()
			if r.GetCommitted() || r.GetRejected() == 0 || len(r.GetProblems()) == 0 {
				t.Fatalf("accepted: %v", r)
			}
			p := r.GetProblems()[0]
			if p.GetLine() != c.line || c.column != "" && p.GetColumn() != c.column || p.GetMessage() == "" || p.GetRemedy() == "" ||
				!strings.Contains(p.GetMessage()+p.GetFound()+p.GetRemedy(), c.says) {
				t.Errorf("problem %v, want line %d, column %q, mentioning %q, with a remedy", p, c.line, c.column, c.says)
			}
		})
	}
	if after := applied(t, in.Clients); after != before {
		t.Errorf("revision %d before and %d after refusals only", before, after)
	}
	bom := harness.Import(t, in.Clients, data.Statements, []byte("\ufeff"+header+good))
	if !bom.GetCommitted() || bom.GetCreated() != 1 {
		t.Errorf("with a byte order mark: %v", bom)
	}
}

func TestUnclearNamesListTheirCandidates(t *testing.T) {
	in := harness.Start(t, "")
	harness.Load(t, in.Clients)
	resp, err := in.Zone.ResolveZones(within(t), &zonev1.ResolveZonesRequest{Queries: []*zonev1.ZoneQuery{
		{Text: "金开"}, {Text: "嵊州"}, {Text: "亚特兰蒂斯开发区"}, {Text: "金华开发区"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	r := resp.GetResolutions()
	candidates := func(r *zonev1.Resolution) map[string]bool {
		set := make(map[string]bool)
		for _, c := range r.GetCandidates() {
			set[c.GetSubject()] = true
		}
		return set
	}
	if got := candidates(r[0]); r[0].GetOutcome() != zonev1.Resolution_OUTCOME_AMBIGUOUS || len(got) != 2 ||
		!got["zones/jinhua-etdz"] || !got["zones/luan-jinan-edz"] {
		t.Errorf("金开: %v", r[0])
	}
	if got := candidates(r[1]); r[1].GetOutcome() != zonev1.Resolution_OUTCOME_AMBIGUOUS || len(got) != 4 ||
		!got["referenceUnits/shengzhou"] || !got["zones/shengzhou-edz"] || !got["zones/shengzhou-chengnan-na"] || !got["zones/shengzhou-hightech-park"] {
		t.Errorf("嵊州: %v", r[1])
	}
	if r[2].GetOutcome() != zonev1.Resolution_OUTCOME_UNKNOWN || r[2].GetSubject() != "" {
		t.Errorf("an unknown name: %v", r[2])
	}
	if r[3].GetSubject() != "zones/jinhua-etdz" {
		t.Errorf("金华开发区: %v", r[3])
	}
}

// Wenzhou's three statements on one indicator are all kept, and the conflict is shown.
func TestConflictingStatementsAreKept(t *testing.T) {
	in := harness.Start(t, "")
	harness.Load(t, in.Clients)
	key := &indicatorv1.FigureKey{
		Subject: "zones/wenzhou-etdz", Indicator: "indicators/fixed-asset-investment-growth", Period: "2018",
		Scope: &typev1.Scope{StatisticalClass: typev1.StatisticalClass_STATISTICAL_CLASS_ABOVE_LIMIT_INVESTMENT},
		Kind:  indicatorv1.Kind_KIND_TARGET, Ambition: indicatorv1.Ambition_AMBITION_EXPECTED,
	}
	expected, err := in.Indicator.GetFigure(within(t), &indicatorv1.GetFigureRequest{Key: key})
	if err != nil {
		t.Fatal(err)
	}
	f := expected.GetFigure()
	if len(f.GetStatements()) != 2 || f.GetNumber() != "20" || f.GetSelected() != "" ||
		!f.GetConflict().GetComparatorDiffers() || f.GetConflict().GetNumberDiffers() {
		t.Errorf("expected: %v", f)
	}
	key.Ambition = indicatorv1.Ambition_AMBITION_STRIVE
	strive, err := in.Indicator.GetFigure(within(t), &indicatorv1.GetFigureRequest{Key: key})
	if err != nil {
		t.Fatal(err)
	}
	if f := strive.GetFigure(); len(f.GetStatements()) != 1 || f.GetNumber() != "25" || f.GetConflict() != nil {
		t.Errorf("strive: %v", f)
	}
}

func TestRefusals(t *testing.T) {
	in := harness.StartHost(t, "", service.Config{})
	harness.Load(t, in.Clients)
	before := applied(t, in.Clients)
	late, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	for name, c := range map[string]struct {
		call func() error
		code codes.Code
		says string
	}{
		"unknown zone": {func() error {
			_, err := in.Zone.GetZone(within(t), &zonev1.GetZoneRequest{Name: "zones/atlantis"})
			return err
		}, codes.NotFound, "zones/atlantis does not exist"},
		"unknown subject of a comparison": {func() error {
			_, err := in.Ranking.CompareZones(within(t), &rankingv1.CompareZonesRequest{
				Subjects: []string{"zones/atlantis"}, Period: "2020", Kind: indicatorv1.Kind_KIND_TARGET,
			})
			return err
		}, codes.FailedPrecondition, "zones/atlantis does not exist"},
		"no period": {func() error {
			_, err := in.Ranking.CompareZones(within(t), &rankingv1.CompareZonesRequest{Kind: indicatorv1.Kind_KIND_TARGET})
			return err
		}, codes.InvalidArgument, "period"},
		"no kind": {func() error {
			_, err := in.Ranking.CompareZones(within(t), &rankingv1.CompareZonesRequest{Period: "2020"})
			return err
		}, codes.InvalidArgument, "KIND_TARGET"},
		"not a resource name": {func() error {
			_, err := in.Zone.GetZone(within(t), &zonev1.GetZoneRequest{Name: "金华开发区"})
			return err
		}, codes.InvalidArgument, "zones/"},
		"filter": {func() error {
			_, err := in.Zone.ListZones(within(t), &zonev1.ListZonesRequest{Filter: "colour = red"})
			return err
		}, codes.InvalidArgument, "colour"},
		"page token": {func() error {
			_, err := in.Zone.ListZones(within(t), &zonev1.ListZonesRequest{PageToken: "nonsense"})
			return err
		}, codes.InvalidArgument, "page"},
		"table over the limit": {func() error {
			_, err := in.Zone.ImportRegistry(within(t), &zonev1.ImportRegistryRequest{
				Kind: zonev1.RegistryTable_REGISTRY_TABLE_ZONES, Table: &typev1.Table{Content: make([]byte, 3<<20+1)},
			})
			return err
		}, codes.InvalidArgument, "3145728"},
		"request over the limit": {func() error {
			_, err := in.Zone.ImportRegistry(within(t), &zonev1.ImportRegistryRequest{
				Kind: zonev1.RegistryTable_REGISTRY_TABLE_ZONES, Table: &typev1.Table{Content: make([]byte, 5<<20)},
			})
			return err
		}, codes.ResourceExhausted, "4194304"},
		"request far over the limit": {func() error {
			_, err := in.Zone.ImportRegistry(within(t), &zonev1.ImportRegistryRequest{
				Kind: zonev1.RegistryTable_REGISTRY_TABLE_ZONES, Table: &typev1.Table{Content: make([]byte, 20<<20)},
			})
			return err
		}, codes.ResourceExhausted, "16777216"},
		"expired deadline": {func() error {
			_, err := in.Zone.CreateZone(late, &zonev1.CreateZoneRequest{ZoneId: "late", Zone: newZone("迟")})
			return err
		}, codes.DeadlineExceeded, ""},
	} {
		t.Run(name, func(t *testing.T) {
			err := c.call()
			if status.Code(err) != c.code || !strings.Contains(status.Convert(err).Message(), c.says) {
				t.Errorf("got %v, want %v mentioning %q", err, c.code, c.says)
			}
		})
	}
	if after := applied(t, in.Clients); after != before {
		t.Errorf("revision %d before and %d after refusals only", before, after)
	}
}
