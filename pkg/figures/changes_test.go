package figures_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"zonebench.internal/pkg/figures"
	indicatorv1 "zonebench.internal/proto/gen/zonebench/indicator/v1"
	ledgerv1 "zonebench.internal/proto/gen/zonebench/ledger/v1"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
)

// changesOf writes what the commits after a revision touched, the newest first.
func changesOf(v figures.View, after int64) string {
	var list []string
	for revision, touched := range v.Changes(after) {
		var names []string
		for _, text := range touched {
			if subject, indicator, ok := figures.SubjectAndIndicator(text); ok {
				text = subject + " " + indicator
			}
			names = append(names, text)
		}
		list = append(list, fmt.Sprintf("%d: %s", revision, strings.Join(names, ", ")))
	}
	return strings.Join(list, "; ")
}

func publicFrom(moment time.Time, locator string) *indicatorv1.Statement {
	s := &indicatorv1.Statement{
		Source: "sources/press", Locator: locator, Unit: "%", Value: &indicatorv1.Statement_Number{Number: "5"}, Stage: typev1.Stage_STAGE_RELEASED,
		Key: &indicatorv1.FigureKey{
			Subject: "zones/wenzhou-etdz", Indicator: "indicators/fixed-asset-investment-growth", Period: locator, Kind: indicatorv1.Kind_KIND_ACTUAL,
		},
		SubjectCertainty: typev1.Certainty_CERTAINTY_STATED, PeriodCertainty: typev1.Certainty_CERTAINTY_STATED, ReleaseTime: timestamppb.New(moment),
	}
	s.Name = figures.StatementName(s)
	return s
}

func TestChangesTellWhatEachCommitTouched(t *testing.T) {
	const figure = "zones/wenzhou-etdz indicators/fixed-asset-investment-growth"
	b := newBook(t)
	said := publicFrom(start, "2020")
	recorded := b.commit(fact(said))
	b.commit(source("press", indicatorv1.Reliability_RELIABILITY_PRESS, "2022-02-01"))
	b.commit(fact(&ledgerv1.FigurePinned{Key: said.GetKey(), Statement: said.GetName(), Reason: "test"}))
	withdrawn := b.commit(fact(&ledgerv1.StatementWithdrawn{Name: said.GetName(), Reason: "test"}))
	b.commit(fact(&indicatorv1.Indicator{Name: "indicators/fixed-asset-investment", Unit: "亿元", Nature: indicatorv1.Nature_NATURE_FLOW}))
	want := fmt.Sprintf("%d: indicators/fixed-asset-investment; %d: %s, %s; %d: %s; %d: sources/press; %d: %s",
		withdrawn+1, withdrawn, figure, figure, recorded+2, figure, recorded+1, recorded, figure)
	if got := changesOf(b.view(), recorded-1); got != want {
		t.Errorf("changes:\n got %s\nwant %s", got, want)
	}
	// A view of the past knows nothing later.
	if got, want := changesOf(b.state().View(recorded+1), recorded), fmt.Sprintf("%d: sources/press", recorded+1); got != want {
		t.Errorf("in the past: %s, want %s", got, want)
	}
}

func TestOpeningsAreTheMomentsOfWhatWasRecordedBefore(t *testing.T) {
	b := newBook(t)
	hour := start.Add(time.Hour)
	b.commit(fact(publicFrom(start, "2018"))) // its moment has passed
	first := b.commit(fact(publicFrom(hour, "2019")), fact(publicFrom(hour.Add(time.Hour), "2020")))
	b.commit(fact(publicFrom(hour, "2021")))
	openings := func(v figures.View, after, until time.Time) string {
		var list []string
		for o := range v.Openings(after, until) {
			list = append(list, fmt.Sprintf("%s %d %s", strings.Fields(o.KeyText)[2], o.Recorded, o.Moment.Format(time.TimeOnly)))
		}
		return strings.Join(list, ", ")
	}
	for _, c := range []struct {
		what         string
		view         figures.View
		after, until time.Time
		want         string
	}{
		{"all", b.view(), start, hour.Add(2 * time.Hour), fmt.Sprintf("2019 %d 01:00:00, 2021 %d 01:00:00, 2020 %d 02:00:00", first, first+1, first)},
		{"the end is in, the beginning is not", b.view(), hour, hour.Add(time.Hour), fmt.Sprintf("2020 %d 02:00:00", first)},
		{"in the past", b.state().View(first), start, hour, fmt.Sprintf("2019 %d 01:00:00", first)},
	} {
		if got := openings(c.view, c.after, c.until); got != c.want {
			t.Errorf("%s: %s, want %s", c.what, got, c.want)
		}
	}
	if next, ok := b.view().NextOpening(hour); !ok || !next.Equal(hour.Add(time.Hour)) {
		t.Errorf("the next opening is %v, %v", next, ok)
	}
	if next, ok := b.view().NextOpening(hour.Add(time.Hour)); ok {
		t.Errorf("an opening after the last: %v", next)
	}
	if _, ok := b.state().View(first - 1).NextOpening(start); ok {
		t.Error("a view knows an opening of what was recorded after it")
	}
}
