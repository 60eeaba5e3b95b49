// Every page: where it is, and what says that it has painted. `real`: what it shows when there are facts and no rankings.
const ranking = 'example-2024-10'

export const pages = [
  { name: 'leader', path: '/home/leader', ready: '.place b', real: '.empty', oneScreen: true },
  { name: 'analyst', path: '/home/analyst', ready: '.heat tbody td', real: '.empty', oneScreen: true },
  { name: 'office', path: '/home/office', ready: '.sentence p:not(.muted)', real: '.empty', oneScreen: true },
  { name: 'rankings', path: '/rankings', ready: '.rows tbody tr', real: '.empty' },
  { name: 'ranking', path: `/rankings/${ranking}`, ready: '[role=row][data-key]' },
  { name: 'indicator', path: `/rankings/${ranking}?indicator=example-gdp`, ready: '[role=row][data-key]' },
  { name: 'wall', path: `/rankings/${ranking}/wall`, ready: '[role=listitem]', oneScreen: true },
  { name: 'weights', path: '/weights', ready: '[role=row][data-key]', real: '.empty' },
  { name: 'zones', path: '/zones', ready: '[role=row][data-key]', real: '[role=row][data-key]' },
  { name: 'zone', path: `/zones/example-zone-0004?ranking=rankings/${ranking}`, ready: '.why tbody tr', real: '.aims tbody tr', realPath: '/zones/hangzhou-qiantang-na' },
  { name: 'compare', path: '/compare', ready: '.result tbody tr', real: '.result tbody tr' },
  { name: 'targets', path: '/targets', ready: '[role=row][data-key]', real: '[role=row][data-key]' },
  { name: 'published', path: '/published', ready: '[role=row][data-key]', real: '[role=row][data-key]' },
  { name: 'schemes', path: '/schemes', ready: '.cards h2', real: '.empty' },
  { name: 'scheme', path: '/schemes/example-2024', ready: '.tree tbody tr' },
  { name: 'system', path: '/system', ready: '.revision b', real: '.revision b' },
  { name: 'nowhere', path: '/nowhere', ready: '.empty', real: '.empty' },
]
