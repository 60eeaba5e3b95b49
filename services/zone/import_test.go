package zone_test

import (
	"fmt"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
	zonev1 "zonebench.internal/proto/gen/zonebench/zone/v1"
)

const (
	unitTable     = zonev1.RegistryTable_REGISTRY_TABLE_REFERENCE_UNITS
	zoneTable     = zonev1.RegistryTable_REGISTRY_TABLE_ZONES
	relationTable = zonev1.RegistryTable_REGISTRY_TABLE_RELATIONS
	groupTable    = zonev1.RegistryTable_REGISTRY_TABLE_GROUPS
)

func (s *system) tryImport(t testing.TB, kind zonev1.RegistryTable, csv string, change ...func(*zonev1.ImportRegistryRequest)) *typev1.ImportReport {
	t.Helper()
	req := &zonev1.ImportRegistryRequest{Kind: kind, Table: &typev1.Table{Content: []byte(csv)}}
	for _, c := range change {
		c(req)
	}
	resp, err := s.ImportRegistry(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	return resp.GetReport()
}

func (s *system) importTable(t testing.TB, kind zonev1.RegistryTable, csv string) *typev1.ImportReport {
	t.Helper()
	report := s.tryImport(t, kind, csv)
	if !report.GetCommitted() {
		t.Fatalf("refused: %v", report)
	}
	return report
}

func dryRun(req *zonev1.ImportRegistryRequest) { req.ValidateOnly = true }

func counts(r *typev1.ImportReport) string {
	return fmt.Sprintf("%d rows: %d created, %d updated, %d unchanged, %d rejected, committed %v",
		r.GetRows(), r.GetCreated(), r.GetUpdated(), r.GetUnchanged(), r.GetRejected(), r.GetCommitted())
}

func wantCounts(t *testing.T, r *typev1.ImportReport, want string) {
	t.Helper()
	if got := counts(r); got != want {
		t.Errorf("got %s\nwant %s\n%v", got, want, r.GetProblems())
	}
}

func TestTheFourTablesAreImported(t *testing.T) {
	s, ctx := start(t), t.Context()
	units := "\uFEFFid,type,name_zh,name_en,aliases,parent,division_code\n" + // a byte order mark is accepted
		"jinhua,prefecture,金华市,Jinhua,我市@sources/jinhua-2020,zhejiang,330700\n" + // its parent comes later
		"zhejiang,province,浙江省,Zhejiang,浙江,referenceUnits/china,330000\n" +
		"china,nation,中国,China,,,\n"
	wantCounts(t, s.tryImport(t, unitTable, units, dryRun), "3 rows: 3 created, 0 updated, 0 unchanged, 0 rejected, committed false")
	if s.ledger.Applied() != 0 {
		t.Fatal("a dry run wrote")
	}
	wantCounts(t, s.importTable(t, unitTable, units), "3 rows: 3 created, 0 updated, 0 unchanged, 0 rejected, committed true")
	if s.ledger.Applied() != 1 {
		t.Errorf("an import is %d commits, want one", s.ledger.Applied())
	}
	wantCounts(t, s.importTable(t, unitTable, units), "3 rows: 0 created, 0 updated, 3 unchanged, 0 rejected, committed true")

	zones := "id,type,level,name_zh,aliases,parent,certainty,simulated\n" +
		"sub,sub-park,,中央创新区,,jinhua-etdz,,false\n" + // an id alone, of a zone further down; hyphens too
		"jinhua-etdz,economic_development_zone,national,金华开发区,\"金华经济技术开发区?;金开@sources/jinhua-2020,zones/sub?\",jinhua,stated,\n"
	wantCounts(t, s.importTable(t, zoneTable, zones), "2 rows: 2 created, 0 updated, 0 unchanged, 0 rejected, committed true")
	z, err := s.GetZone(ctx, &zonev1.GetZoneRequest{Name: "zones/jinhua-etdz"})
	if err != nil {
		t.Fatal(err)
	}
	inferred := typev1.Certainty_CERTAINTY_INFERRED
	want := []*zonev1.Alias{
		{Text: "金华经济技术开发区", Certainty: inferred}, {Text: "金开", Contexts: []string{"sources/jinhua-2020", "zones/sub"}, Certainty: inferred},
	}
	if got := z.GetZone(); got.GetParent() != "referenceUnits/jinhua" || len(got.GetAliases()) != 2 ||
		!proto.Equal(got.GetAliases()[0], want[0]) || !proto.Equal(got.GetAliases()[1], want[1]) {
		t.Errorf("got %v", got)
	}
	// What a table has no column for stays as it is; an empty cell clears.
	wantCounts(t, s.importTable(t, zoneTable, "id,type,name_zh,level\njinhua-etdz,economic_development_zone,金华开发区,\n"),
		"1 rows: 0 created, 1 updated, 0 unchanged, 0 rejected, committed true")
	z, err = s.GetZone(ctx, &zonev1.GetZoneRequest{Name: "zones/jinhua-etdz"})
	if err != nil || z.GetZone().GetLevel() != 0 || len(z.GetZone().GetAliases()) != 2 {
		t.Errorf("got %v, %v", z, err)
	}
	wantCounts(t, s.importTable(t, relationTable, "id,type,zone,other,start_date,certainty\nsub-in,part_of,sub,zones/jinhua-etdz,2019-04,inferred\n"),
		"1 rows: 1 created, 0 updated, 0 unchanged, 0 rejected, committed true")
	wantCounts(t, s.importTable(t, groupTable, "id,name_zh,filter,members\nby-list,甲组,,jinhua-etdz@2019..2021-05;zones/sub@..2020;sub@2020..\nby-filter,乙组,level=national,\n"),
		"2 rows: 2 created, 0 updated, 0 unchanged, 0 rejected, committed true")
	g, err := s.GetGroup(ctx, &zonev1.GetGroupRequest{Name: "groups/by-list"})
	if err != nil || len(g.GetGroup().GetList().GetMembers()) != 3 || g.GetGroup().GetList().GetMembers()[0].GetEndDate().GetMonth() != 5 {
		t.Errorf("got %v, %v", g, err)
	}
}

func TestATableIsRefusedWholeWithEveryProblemAndItsRemedy(t *testing.T) {
	s := start(t)
	s.zone(t, "known", "已有区")
	at := s.ledger.Applied()
	for name, c := range map[string]struct {
		kind     zonev1.RegistryTable
		csv      string
		rejected int32
		want     []string // line column "found" message: remedy
	}{
		"enum": {
			zoneTable, "id,type,name_zh\ngood,new_area,好\nbad,economic_zone,坏\n", 1,
			[]string{`3 type "economic_zone"`, "economic_development_zone, high_tech_zone, new_area"},
		},
		"near enum": {zoneTable, "id,type,name_zh\nbad,new_aera,坏\n", 1, []string{`2 type "new_aera"`, `did you mean "new_area"?`}},
		"id":        {zoneTable, "id,type,name_zh\n金华,new_area,坏\n", 1, []string{`2 id "金华"`, "lower-case letters"}},
		"twice":     {zoneTable, "id,type,name_zh\naa,new_area,甲\naa,new_area,乙\n", 1, []string{`3 id "aa" line 2 has the same id`}},
		"parent":    {zoneTable, "id,type,name_zh,parent\naa,new_area,甲,nowhere\n", 1, []string{`2 parent "nowhere" neither zones/nowhere nor referenceUnits/nowhere exists`}},
		"cycle":     {zoneTable, "id,type,name_zh,parent\naa,new_area,甲,bb\nbb,new_area,乙,aa\n", 2, []string{`2 parent "bb"`, `3 parent "aa"`}},
		"code":      {zoneTable, "id,type,name_zh,division_code\naa,new_area,甲,33070\n", 1, []string{`2 division_code "33070"`, "six digits"}},
		"long":      {zoneTable, "id,type,name_zh,note\naa,new_area,甲," + strings.Repeat("长", 1001) + "\n", 1, []string{"2 note", "shorten the text"}},
		"column":    {zoneTable, "id,type,name_zh,levle\naa,new_area,甲,national\n", 1, []string{`1 levle`, `did you mean "level"?`}},
		"ragged":    {zoneTable, "id,type,name_zh\naa,new_area\n", 1, []string{"2 ", "3"}},
		"gbk":       {zoneTable, "id,type,name_zh\naa,new_area,\xbd\xf0\xbb\xaa\n", 1, []string{"2 ", "GB18030"}},
		"boolean":   {zoneTable, "id,type,name_zh,simulated\naa,new_area,甲,是\n", 1, []string{`2 simulated "是"`, "true or false"}},
		"alias":     {zoneTable, "id,type,name_zh,aliases\naa,new_area,甲,开发区\n", 1, []string{`2 aliases "开发区"`, "sources or units"}},
		"at":        {zoneTable, "id,type,name_zh,aliases\naa,new_area,甲,金开@\n", 1, []string{`2 aliases "金开@"`, "text@sources/"}},
		"relation":  {relationTable, "id,type,zone,other\nrr,part_of,known,nowhere\n", 1, []string{`2 other "nowhere" zones/nowhere does not exist: create it first`}},
		"date":      {relationTable, "id,type,zone,other,start_date\nrr,part_of,known,known,2019/4\n", 1, []string{`2 start_date "2019/4"`, "write 2019-04"}},
		"members":   {groupTable, "id,name_zh,filter,members\ngg,组,,nowhere\n", 1, []string{`2 members "nowhere" zones/nowhere does not exist`}},
		"both":      {groupTable, "id,name_zh,filter,members\ngg,组,simulated,known\n", 1, []string{"2 filter", "empty one of the two cells"}},
		"neither":   {groupTable, "id,name_zh,filter,members\ngg,组,,\n", 1, []string{"2 members"}},
		"filter":    {groupTable, "id,name_zh,filter\ngg,组,levl=national\n", 1, []string{`2 filter "levl=national"`, "did you mean level?"}},
		"from to":   {groupTable, "id,name_zh,members\ngg,组,known@2019\n", 1, []string{"2 members", "known@2019", "zone@2019..2021"}},
	} {
		t.Run(name, func(t *testing.T) {
			report := s.tryImport(t, c.kind, c.csv)
			if report.GetRejected() != c.rejected || report.GetCommitted() || report.GetCreated() != 0 {
				t.Errorf("got %s", counts(report))
			}
			var all []string
			for _, p := range report.GetProblems() {
				all = append(all, fmt.Sprintf("%d %s %q %s: %s", p.GetLine(), p.GetColumn(), p.GetFound(), p.GetMessage(), p.GetRemedy()))
				if p.GetMessage() == "" || p.GetRemedy() == "" {
					t.Errorf("a problem without message or remedy: %v", p)
				}
			}
			for _, want := range c.want {
				if !strings.Contains(strings.Join(all, "\n"), want) {
					t.Errorf("no problem says %q:\n%s", want, strings.Join(all, "\n"))
				}
			}
		})
	}
	if s.ledger.Applied() != at {
		t.Error("a refused table wrote")
	}
}

func TestARowThatRefersToARefusedRowIsNotBlamed(t *testing.T) {
	s := start(t)
	report := s.tryImport(t, zoneTable, "id,type,name_zh,parent\naa,new_area,甲,bb\nbb,wrong,乙,\n")
	if report.GetRejected() != 1 || len(report.GetProblems()) != 1 || report.GetProblems()[0].GetLine() != 3 {
		t.Errorf("got %v", report)
	}
}

func TestARetriedImportReportsTheSame(t *testing.T) {
	s := start(t)
	s.zone(t, "known", "已有区", func(z *zonev1.Zone) { z.Type = zonev1.ZoneType_ZONE_TYPE_NEW_AREA })
	s.zone(t, "same", "同名区", func(z *zonev1.Zone) { z.Type = zonev1.ZoneType_ZONE_TYPE_NEW_AREA })
	retried := func(req *zonev1.ImportRegistryRequest) { req.RequestId = "5f3c3c52-0000-4000-8000-000000000001" }
	csv := "id,type,name_zh,parent\nnew1,new_area,新,known\nknown,new_area,改名区,\nsame,new_area,同名区,\n"
	first := s.tryImport(t, zoneTable, csv, retried)
	wantCounts(t, first, "3 rows: 1 created, 1 updated, 1 unchanged, 0 rejected, committed true")
	at := s.ledger.Applied()
	if again := s.tryImport(t, zoneTable, csv, retried); !proto.Equal(again, first) {
		t.Errorf("the retry reports %s", counts(again))
	}
	if s.ledger.Applied() != at {
		t.Error("the retry wrote")
	}
}

func TestATableLargerThanACommitIsTooLarge(t *testing.T) {
	s, ctx := start(t), t.Context()
	var csv strings.Builder
	csv.WriteString("id,type,name_zh,note\n")
	for i := range 3000 {
		fmt.Fprintf(&csv, "z%d,new_area,区%d,%s\n", i, i, strings.Repeat("注", 150))
	}
	_, err := s.ImportRegistry(ctx, &zonev1.ImportRegistryRequest{Kind: zoneTable, Table: &typev1.Table{Content: []byte(csv.String())}})
	wantReason(t, err, typev1.ErrorReason_ERROR_REASON_TOO_LARGE, "send it in parts")
	_, err = s.ImportRegistry(ctx, &zonev1.ImportRegistryRequest{Table: &typev1.Table{Content: []byte("id\n")}})
	wantReason(t, err, invalidField, "kind")
	_, err = s.ImportRegistry(ctx, &zonev1.ImportRegistryRequest{Kind: zoneTable})
	wantReason(t, err, invalidField, "table")
	if s.ledger.Applied() != 0 {
		t.Error("it wrote")
	}
}

func BenchmarkImport(b *testing.B) {
	s := start(b)
	var csv strings.Builder
	csv.WriteString("id,type,name_zh,parent,aliases\nroot,new_area,总区,,\n")
	for i := range 8000 {
		fmt.Fprintf(&csv, "z%d,sub_park,园%d,root,别名%d@zones/root\n", i, i, i)
	}
	b.ReportAllocs()
	for b.Loop() {
		if r := s.tryImport(b, zoneTable, csv.String(), dryRun); r.GetCreated() != 8001 {
			b.Fatal(counts(r))
		}
	}
}
