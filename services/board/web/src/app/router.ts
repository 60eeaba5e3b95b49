import { createRouter, createWebHistory, type RouteRecordRaw } from 'vue-router'
import { recall, remember } from './choice'

declare module 'vue-router' {
  interface RouteMeta {
    /** Key of the page's name, in nav.json; a page without one is not in the navigation. */
    nav?: string
    /** Key of the page's title, when it is not in the navigation. */
    title?: string
    /** Pages of one group stand together. */
    group?: 'home' | 'rank' | 'zone' | 'house'
    /** Shown alone, without navigation. */
    bare?: boolean
  }
}

// Home pages remember which of them was the last.
const roles = ['leader', 'analyst', 'office'] as const

// In the order of the navigation. A page that does not exist yet is not listed, so that no link is dead.
export const routes: RouteRecordRaw[] = [
  {
    path: '/',
    redirect: (to) => {
      const role = recall('role')
      return { path: `/home/${roles.find((r) => r === role) ?? 'leader'}`, query: to.query }
    },
  },
  { path: '/home/leader', name: 'leader', component: () => import('@/pages/home/LeaderPage.vue'), meta: { nav: 'leader', group: 'home' } },
  { path: '/home/analyst', name: 'analyst', component: () => import('@/pages/home/AnalystPage.vue'), meta: { nav: 'analyst', group: 'home' } },
  { path: '/home/office', name: 'office', component: () => import('@/pages/home/OfficePage.vue'), meta: { nav: 'office', group: 'home' } },
  { path: '/rankings', name: 'rankings', component: () => import('@/pages/ranking/RankingsPage.vue'), meta: { nav: 'rankings', group: 'rank' } },
  { path: '/rankings/:ranking', name: 'ranking', component: () => import('@/pages/ranking/RankingPage.vue'), meta: { title: 'ranking' } },
  {
    path: '/rankings/:ranking/wall',
    name: 'wall',
    component: () => import('@/pages/ranking/WallPage.vue'),
    meta: { title: 'wall', bare: true },
  },
  { path: '/weights', name: 'weights', component: () => import('@/pages/weights/WeightsPage.vue'), meta: { nav: 'weights', group: 'rank' } },
  { path: '/zones', name: 'zones', component: () => import('@/pages/zone/ZonesPage.vue'), meta: { nav: 'zones', group: 'zone' } },
  { path: '/zones/:zone', name: 'zone', component: () => import('@/pages/zone/ZonePage.vue'), meta: { title: 'zone' } },
  { path: '/compare', name: 'compare', component: () => import('@/pages/compare/ComparePage.vue'), meta: { nav: 'compare', group: 'zone' } },
  { path: '/targets', name: 'targets', component: () => import('@/pages/targets/TargetsPage.vue'), meta: { nav: 'targets', group: 'zone' } },
  { path: '/published', name: 'published', component: () => import('@/pages/published/PublishedPage.vue'), meta: { nav: 'published', group: 'zone' } },
  { path: '/schemes', name: 'schemes', component: () => import('@/pages/scheme/SchemesPage.vue'), meta: { nav: 'schemes', group: 'house' } },
  { path: '/schemes/:scheme', name: 'scheme', component: () => import('@/pages/scheme/SchemePage.vue'), meta: { title: 'scheme' } },
  { path: '/system', name: 'system', component: () => import('@/pages/system/SystemPage.vue'), meta: { nav: 'system', group: 'house' } },
  { path: '/:rest(.*)*', name: 'nowhere', component: () => import('@/pages/NowherePage.vue'), meta: { title: 'nowhere' } },
]

export const router = createRouter({
  history: createWebHistory(),
  routes,
  scrollBehavior: (to, from, saved) => saved ?? (to.path === from.path ? false : { top: 0 }),
})

router.afterEach((to) => {
  const role = roles.find((r) => r === to.name)
  if (role) remember('role', role)
})

/** Whether this version has the page: links to pages to come are not shown. */
export function hasPage(name: string): boolean {
  return router.hasRoute(name)
}
