// A scheme's nodes as a tree, with what each weighs.
import type { Indicator } from '@/gen/zonebench/indicator/v1/indicator_pb'
import type { Scheme, SchemeNode } from '@/gen/zonebench/ranking/v1/scheme_pb'
import { quotient, sum } from '@/text/decimal'
import { say } from '@/text/i18n'
import { unmarked } from '@/text/word'

export interface Branch {
  node: SchemeNode
  name: string
  depth: number
  children: Branch[]
  /** Weight as it is written; an empty one is 1. */
  weight: string
  /** Share among its siblings, in percent. */
  share: string
  /** Share of the whole, in percent. */
  effective: string
  indicator?: Indicator
}

/** The tree of a scheme under its own weights or others. The root comes first; branches are in the order of the scheme. */
export function treeOf(scheme: Scheme, indicators: ReadonlyMap<string, Indicator>, weights: ReadonlyMap<string, string> = new Map()): Branch | undefined {
  const root = scheme.nodes.find((n) => !n.parent)
  if (!root) return undefined
  const weightOf = (n: SchemeNode): string => weights.get(n.id) || n.weight || '1'
  const grow = (node: SchemeNode, depth: number, parts: string[], wholes: string[], share: string): Branch => {
    const below = scheme.nodes.filter((n) => n.parent === node.id)
    const whole = sum(below.map(weightOf))
    const indicator = node.leaf ? indicators.get(node.leaf.indicator) : undefined
    return {
      node,
      depth,
      name: unmarked(say(node.displayName) || say(indicator?.displayName) || node.id),
      weight: weightOf(node),
      share,
      effective: parts.length ? quotient(parts, wholes) : '100',
      indicator,
      children: below.map((child) => {
        const w = weightOf(child)
        return grow(child, depth + 1, [...parts, w], [...wholes, whole], quotient([w], [whole]))
      }),
    }
  }
  return grow(root, 0, [], [], '100')
}

/** Root to leaf, parents before children. */
export function flat(branch: Branch): Branch[] {
  return [branch, ...branch.children.flatMap(flat)]
}
