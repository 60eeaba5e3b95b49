// A recipe's main steps in words. What has no words here is in the text below them, which is always shown whole.
import { i18n, t } from '@/text/i18n'

export interface RecipeRow {
  key: string
  title: string
  text: string
}

const steps = ['treat', 'impute', 'screen', 'denominate', 'normalise', 'aggregate', 'weights', 'place', 'adjust', 'tier'] as const

/** A method by its name in words, where there are words for it. */
function method(name: string): string {
  return i18n.global.te(`scheme.method.${name}`) ? t(`scheme.method.${name}`) : name
}

function describe(key: string, value: unknown): string {
  if (Array.isArray(value)) return value.map((one) => describe(key, one)).join(' → ')
  if (typeof value === 'string') return method(value)
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  if (!value || typeof value !== 'object') return ''
  return Object.entries(value as Record<string, unknown>)
    .map(([name, v]) => {
      if (name === 'method') return method(String(v))
      const label = i18n.global.te(`scheme.option.${name}`) ? t(`scheme.option.${name}`) : name
      return `${label} ${describe(name, v)}`
    })
    .join(', ')
}

export function recipeRows(text: string): RecipeRow[] {
  if (!text) return []
  let recipe: Record<string, unknown>
  try {
    recipe = JSON.parse(text) as Record<string, unknown>
  } catch {
    return [] // the text itself is shown
  }
  const rows: RecipeRow[] = steps
    .filter((key) => recipe[key] !== undefined)
    .map((key) => ({ key, title: t(`scheme.step.${key}`), text: describe(key, recipe[key]) }))
  if (typeof recipe.note === 'string') rows.unshift({ key: 'note', title: t('ranking.note'), text: recipe.note })
  return rows
}
