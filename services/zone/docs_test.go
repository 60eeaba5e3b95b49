package zone_test

import (
	"os"
	"strings"
	"testing"

	zonev1 "zonebench.internal/proto/gen/zonebench/zone/v1"
)

// The examples of the documentation are tables that can be imported.
func TestTheExamplesOfTheDocumentationAreAccepted(t *testing.T) {
	body, err := os.ReadFile("../../docs/import.md")
	if err != nil {
		t.Fatal(err)
	}
	s := start(t)
	s.importTable(t, unitTable, "id,type,name_zh,parent\nchina,nation,中国,\nzhejiang,province,浙江省,china\n"+
		"jinhua,prefecture,金华市,zhejiang\nshaoxing,prefecture,绍兴市,zhejiang\n")
	s.importTable(t, zoneTable, "id,type,name_zh\nhangzhou-qiantang-na,new_area,钱塘\nhangzhou-etdz,other,杭开\nhangzhou-dajiangdong,other,大江东\n"+
		"shengzhou-edz,other,嵊开\nshengzhou-chengnan-na,other,嵊新\nshengzhou-hightech-park,other,嵊高\n")
	for _, c := range []struct {
		heading string
		kind    zonev1.RegistryTable
	}{{"reference_units", unitTable}, {"zones", zoneTable}, {"relations", relationTable}, {"groups", groupTable}} {
		_, section, _ := strings.Cut(string(body), "\n### "+c.heading+"\n")
		_, example, _ := strings.Cut(section, "```csv\n")
		example, _, ok := strings.Cut(example, "```")
		if !ok {
			t.Errorf("%s has no example", c.heading)
			continue
		}
		s.importTable(t, c.kind, example)
	}
}
