package indicator_test

import (
	"testing"
)

// A value worded as in its text is refused with the columns that it belongs to.
func TestWordedValuesAreTakenApartInTheRemedy(t *testing.T) {
	t.Parallel()
	b := open(t)
	b.stock(t)
	const header = "source,subject,indicator,period,kind,ambition,value\n"
	for value, want := range map[string]string{
		"力争25家以上": "write 25 here, 家 in the column of the unit, >= in comparator and strive in ambition",
		"1.55万家":  "write 1.55 here and 万家 in the column of the unit",
		"约30家":    "write 30 here, 家 in the column of the unit and ~ in comparator",
		"确保100家":  "write 100 here, 家 in the column of the unit and must in ambition",
	} {
		r := b.load(t, table(statements, header+"bureau,wenzhou-etdz,firms,2018,target,expected,"+value+"\n")).GetReport()
		if len(r.GetProblems()) == 0 || r.GetProblems()[0].GetRemedy() != want || r.GetProblems()[0].GetColumn() != "value" {
			t.Errorf("%s: %v, want %s", value, r.GetProblems(), want)
		}
	}
}
