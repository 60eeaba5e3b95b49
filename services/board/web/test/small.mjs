// A ranking of four invented zones, written through the board's gateway as any program may.
let n = 0

const both = (zh) => ({ zh, en: zh })

/** Records a newer figure for a zone, so that it moves. */
export async function move(at, zone, number) {
  n++
  // A later source counts before an earlier one.
  const source = `later-${n}-${Date.now()}`
  await at.call('indicator.v1.IndicatorService/CreateSource', {
    sourceId: source,
    source: {
      title: both(`示例省统计 ${n}〔模拟〕`),
      reliability: 'RELIABILITY_OFFICIAL',
      publishDate: { year: 2024, month: 6, day: Math.min(28, n) },
      simulated: true,
    },
  })
  await at.call('indicator.v1.IndicatorService/RecordStatements', { statements: [statement(`sources/${source}`, zone, number)] })
}

function statement(source, zone, number) {
  return {
    statement: {
      source,
      key: { subject: `zones/${zone}`, indicator: 'indicators/example-output', period: '2024', kind: 'KIND_ACTUAL' },
      comparator: 'COMPARATOR_EQUAL',
      number,
      unit: '亿元',
      tag: 'TAG_OBSERVED',
      subjectCertainty: 'CERTAINTY_STATED',
      periodCertainty: 'CERTAINTY_STATED',
      stage: 'STAGE_RELEASED',
    },
  }
}

export async function small(at) {
  const zones = { alpha: '甲示例开发区', beta: '乙示例开发区', gamma: '丙示例开发区', script: '<script>alert(1)</script>' }
  for (const [id, name] of Object.entries(zones)) {
    await at.call('zone.v1.ZoneService/CreateZone', {
      zoneId: id,
      zone: { displayName: both(name), type: 'ZONE_TYPE_ECONOMIC_DEVELOPMENT_ZONE', certainty: 'CERTAINTY_STATED', basis: '模拟', simulated: true },
    })
  }
  await at.call('zone.v1.ZoneService/CreateGroup', {
    groupId: 'small',
    group: { displayName: both('示例组'), list: { members: Object.keys(zones).map((id) => ({ zone: `zones/${id}` })) } },
  })
  await at.call('indicator.v1.IndicatorService/CreateIndicator', {
    indicatorId: 'example-output',
    indicator: {
      displayName: both('示例产值'),
      unit: '亿元',
      nature: 'NATURE_FLOW',
      direction: 'DIRECTION_HIGHER_IS_BETTER',
      nationalAuthority: '示例局',
      simulated: true,
    },
  })
  await at.call('indicator.v1.IndicatorService/CreateSource', {
    sourceId: 'first',
    source: { title: both('示例省统计〔模拟〕'), reliability: 'RELIABILITY_OFFICIAL', publishDate: { year: 2024, month: 1, day: 1 }, simulated: true },
  })
  await at.call('indicator.v1.IndicatorService/RecordStatements', {
    statements: [statement('sources/first', 'alpha', '40'), statement('sources/first', 'beta', '30'), statement('sources/first', 'gamma', '20'), statement('sources/first', 'script', '10')],
  })
  await at.call('ranking.v1.LiveRankingService/CreateScheme', {
    schemeId: 'small',
    scheme: {
      displayName: both('示例办法'),
      nodes: [
        { id: 'index', displayName: both('得分') },
        { id: 'output', displayName: both('示例产值'), parent: 'index', weight: '1', leaf: { indicator: 'indicators/example-output' } },
      ],
    },
  })
  await at.call('ranking.v1.LiveRankingService/CreateRanking', {
    rankingId: 'small',
    ranking: { displayName: both('示例榜'), scheme: 'schemes/small', group: 'groups/small', period: '2024', kind: 'KIND_ACTUAL', audience: 'AUDIENCE_INTERNAL' },
  })
  const { ranking } = await at.call('ranking.v1.LiveRankingService/GetRanking', { name: 'rankings/small' })
  await at.call('ranking.v1.LiveRankingService/UpdateRanking', { ranking: { ...ranking, state: 'RANKING_STATE_FLASH' }, updateMask: 'state' })
}
