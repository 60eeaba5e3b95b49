package auth

import (
	"maps"
	"slices"
	"strings"

	"google.golang.org/grpc/codes"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	reflectionv1 "google.golang.org/grpc/reflection/grpc_reflection_v1"
	reflectionv1alpha "google.golang.org/grpc/reflection/grpc_reflection_v1alpha"

	"zonebench.internal/pkg/fault"
	indicatorv1 "zonebench.internal/proto/gen/zonebench/indicator/v1"
	rankingv1 "zonebench.internal/proto/gen/zonebench/ranking/v1"
	systemv1 "zonebench.internal/proto/gen/zonebench/system/v1"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
	zonev1 "zonebench.internal/proto/gen/zonebench/zone/v1"
)

// Scope says how far whoever may call a method reaches with it.
type Scope string

// The scopes.
const (
	// Open: anybody, without an identity too.
	Open Scope = "open"
	// Alike: it concerns nobody's unreleased figures; everybody who may call it gets the same.
	Alike Scope = "alike"
	// Seen: the answer holds what the caller sees: what is released, of a reporter's own zones everything, of rankings the
	// public ones. The services answer from views that are made for the caller (Caller.Sees).
	Seen Scope = "seen"
	// Spoken: it writes what subjects report. A reporter may for its own zones, nobody at a stage beyond their role. The
	// services judge every statement and every row where it is decided (Caller.SpeaksFor, Caller.Gives).
	Spoken Scope = "spoken"
)

// Access is who may call a method, and how far they reach with it.
type Access struct {
	Scope Scope
	Roles []Role
}

// Groups of roles that methods are open to.
var (
	everyone   = Roles()
	reporters  = []Role{Reporter, Reviewer, Publisher, Admin}
	editors    = []Role{Reviewer, Admin}
	publishers = []Role{Publisher, Admin}
	admins     = []Role{Admin}
)

// table has every method that a process serves. What is not in it is refused,
// and a test fails until it is.
var table = map[string]Access{
	// The registry is public within the installation; editors keep it.
	zonev1.ZoneService_CreateZone_FullMethodName:          {Alike, editors},
	zonev1.ZoneService_GetZone_FullMethodName:             {Alike, everyone},
	zonev1.ZoneService_ListZones_FullMethodName:           {Alike, everyone},
	zonev1.ZoneService_UpdateZone_FullMethodName:          {Alike, editors},
	zonev1.ZoneService_CreateReferenceUnit_FullMethodName: {Alike, editors},
	zonev1.ZoneService_GetReferenceUnit_FullMethodName:    {Alike, everyone},
	zonev1.ZoneService_ListReferenceUnits_FullMethodName:  {Alike, everyone},
	zonev1.ZoneService_UpdateReferenceUnit_FullMethodName: {Alike, editors},
	zonev1.ZoneService_CreateRelation_FullMethodName:      {Alike, editors},
	zonev1.ZoneService_GetRelation_FullMethodName:         {Alike, everyone},
	zonev1.ZoneService_ListRelations_FullMethodName:       {Alike, everyone},
	zonev1.ZoneService_UpdateRelation_FullMethodName:      {Alike, editors},
	zonev1.ZoneService_CreateGroup_FullMethodName:         {Alike, editors},
	zonev1.ZoneService_GetGroup_FullMethodName:            {Alike, everyone},
	zonev1.ZoneService_ListGroups_FullMethodName:          {Alike, everyone},
	zonev1.ZoneService_UpdateGroup_FullMethodName:         {Alike, editors},
	zonev1.ZoneService_DeleteGroup_FullMethodName:         {Alike, editors},
	zonev1.ZoneService_ListGroupMembers_FullMethodName:    {Alike, everyone},
	zonev1.ZoneService_ResolveZones_FullMethodName:        {Alike, everyone},
	zonev1.ZoneService_ImportRegistry_FullMethodName:      {Alike, editors},

	// What is measured is the editors'; who said what is spoken by those whom it is about. A reporter adds self-reported
	// sources for what it says and changes none.
	indicatorv1.IndicatorService_CreateIndicator_FullMethodName:    {Alike, editors},
	indicatorv1.IndicatorService_GetIndicator_FullMethodName:       {Alike, everyone},
	indicatorv1.IndicatorService_ListIndicators_FullMethodName:     {Alike, everyone},
	indicatorv1.IndicatorService_UpdateIndicator_FullMethodName:    {Alike, editors},
	indicatorv1.IndicatorService_CreateSource_FullMethodName:       {Spoken, reporters},
	indicatorv1.IndicatorService_GetSource_FullMethodName:          {Alike, everyone},
	indicatorv1.IndicatorService_ListSources_FullMethodName:        {Alike, everyone},
	indicatorv1.IndicatorService_UpdateSource_FullMethodName:       {Alike, editors},
	indicatorv1.IndicatorService_RecordStatements_FullMethodName:   {Spoken, reporters},
	indicatorv1.IndicatorService_GetStatement_FullMethodName:       {Seen, everyone},
	indicatorv1.IndicatorService_ListStatements_FullMethodName:     {Seen, everyone},
	indicatorv1.IndicatorService_WithdrawStatements_FullMethodName: {Spoken, reporters},
	indicatorv1.IndicatorService_GetFigure_FullMethodName:          {Seen, everyone},
	indicatorv1.IndicatorService_ListFigures_FullMethodName:        {Seen, everyone},
	indicatorv1.IndicatorService_ListFigureHistory_FullMethodName:  {Seen, everyone},
	indicatorv1.IndicatorService_PinFigure_FullMethodName:          {Alike, editors},
	indicatorv1.IndicatorService_UnpinFigure_FullMethodName:        {Alike, editors},
	indicatorv1.IndicatorService_ImportFigures_FullMethodName:      {Spoken, reporters},

	indicatorv1.TargetService_ListCompletions_FullMethodName: {Seen, everyone},
	indicatorv1.TargetService_RollUp_FullMethodName:          {Seen, everyone},
	indicatorv1.TargetService_CreateList_FullMethodName:      {Alike, editors},
	indicatorv1.TargetService_GetList_FullMethodName:         {Alike, everyone},
	indicatorv1.TargetService_ListLists_FullMethodName:       {Alike, everyone},
	indicatorv1.TargetService_UpdateList_FullMethodName:      {Alike, editors},

	rankingv1.RankingService_CompareZones_FullMethodName: {Seen, everyone},

	// Rankings that authorities published are public; editors keep them.
	rankingv1.PublishedRankingService_CreateSeries_FullMethodName:            {Alike, editors},
	rankingv1.PublishedRankingService_GetSeries_FullMethodName:               {Alike, everyone},
	rankingv1.PublishedRankingService_ListSeries_FullMethodName:              {Alike, everyone},
	rankingv1.PublishedRankingService_UpdateSeries_FullMethodName:            {Alike, editors},
	rankingv1.PublishedRankingService_CreateRound_FullMethodName:             {Alike, editors},
	rankingv1.PublishedRankingService_GetRound_FullMethodName:                {Alike, everyone},
	rankingv1.PublishedRankingService_ListRounds_FullMethodName:              {Alike, everyone},
	rankingv1.PublishedRankingService_UpdateRound_FullMethodName:             {Alike, editors},
	rankingv1.PublishedRankingService_ListPublishedPlaces_FullMethodName:     {Alike, everyone},
	rankingv1.PublishedRankingService_DeriveProvincialOrder_FullMethodName:   {Alike, everyone},
	rankingv1.PublishedRankingService_ListRankTargets_FullMethodName:         {Seen, everyone},
	rankingv1.PublishedRankingService_ImportPublishedRankings_FullMethodName: {Alike, editors},

	// Rankings that we compute are the publishers'; internal ones are not for everybody.
	rankingv1.LiveRankingService_CreateScheme_FullMethodName:        {Alike, publishers},
	rankingv1.LiveRankingService_GetScheme_FullMethodName:           {Alike, everyone},
	rankingv1.LiveRankingService_ListSchemes_FullMethodName:         {Alike, everyone},
	rankingv1.LiveRankingService_CreateRanking_FullMethodName:       {Alike, publishers},
	rankingv1.LiveRankingService_GetRanking_FullMethodName:          {Seen, everyone},
	rankingv1.LiveRankingService_ListRankings_FullMethodName:        {Seen, everyone},
	rankingv1.LiveRankingService_UpdateRanking_FullMethodName:       {Alike, publishers},
	rankingv1.LiveRankingService_WatchRanking_FullMethodName:        {Seen, everyone},
	rankingv1.LiveRankingService_ListVersions_FullMethodName:        {Seen, everyone},
	rankingv1.LiveRankingService_CompareVersions_FullMethodName:     {Seen, everyone},
	rankingv1.LiveRankingService_GetProfile_FullMethodName:          {Seen, everyone},
	rankingv1.LiveRankingService_GetIndicatorRanking_FullMethodName: {Seen, everyone},
	rankingv1.LiveRankingService_TryWeights_FullMethodName:          {Seen, everyone},
	rankingv1.LiveRankingService_CreateRelease_FullMethodName:       {Alike, publishers},
	rankingv1.LiveRankingService_GetRelease_FullMethodName:          {Seen, everyone},
	rankingv1.LiveRankingService_ListReleases_FullMethodName:        {Seen, everyone},
	rankingv1.LiveRankingService_ReplayRelease_FullMethodName:       {Seen, everyone},

	systemv1.SystemService_GetStatus_FullMethodName:       {Alike, everyone},
	systemv1.AuditService_ListTransactions_FullMethodName: {Alike, admins},

	// Probes have no identity. The contracts tell nothing that is not in proto/, but they are for callers.
	healthv1.Health_Check_FullMethodName:                                   {Open, nil},
	healthv1.Health_List_FullMethodName:                                    {Open, nil},
	healthv1.Health_Watch_FullMethodName:                                   {Open, nil},
	reflectionv1.ServerReflection_ServerReflectionInfo_FullMethodName:      {Alike, everyone},
	reflectionv1alpha.ServerReflection_ServerReflectionInfo_FullMethodName: {Alike, everyone},
}

// Table is a copy of the whole table, by full method name.
func Table() map[string]Access { return maps.Clone(table) }

// IsOpen says whether a method is answered without an identity.
func IsOpen(method string) bool { return table[method].Scope == Open }

// Permit says whether a caller may call a method, by the full name of it. How
// far it reaches with it is judged where statements are read and written.
func Permit(c Caller, method string) error {
	access, ok := table[method]
	switch {
	case ok && (access.Scope == Open || c.Is(access.Roles...)):
		return nil
	case !ok:
		return denied("nobody may call %s: it has no entry in the table of accesses", method)
	case len(c.Roles) == 0:
		return denied("%s has no role here: ask an administrator for one of %s", c.Subject, words(access.Roles)).
			With("roles", words(access.Roles))
	default:
		return denied("%s is %s and %s is for %s", c.Subject, words(c.Roles), method[strings.LastIndex(method, "/")+1:], words(access.Roles)).
			With("roles", words(access.Roles))
	}
}

func denied(format string, args ...any) *fault.Fault {
	return fault.New(codes.PermissionDenied, typev1.ErrorReason_ERROR_REASON_NOT_PERMITTED, format, args...)
}

func words(roles []Role) string {
	list := make([]string, len(roles))
	for i, r := range roles {
		list[i] = string(r)
	}
	return strings.Join(slices.Compact(list), ", ")
}
