// Who is in the registry. It changes rarely: it is read once a visit, and again when it is asked for by hand.
import { shallowRef } from 'vue'
import type { ReferenceUnit } from '@/gen/zonebench/zone/v1/reference_unit_pb'
import type { Zone } from '@/gen/zonebench/zone/v1/zone_pb'
import { say } from '@/text/i18n'
import { all, zones } from './client'

export interface Registry {
  /** By name: zones/a. */
  zones: ReadonlyMap<string, Zone>
  /** By name: referenceUnits/a. */
  units: ReadonlyMap<string, ReferenceUnit>
}

const known = shallowRef<Registry>()
let asking: Promise<Registry> | undefined

export function registry(): Promise<Registry> {
  asking ??= Promise.all([
    all(
      (pageToken) => zones.listZones({ pageSize: 1000, pageToken }),
      (page) => page.zones,
    ),
    all(
      (pageToken) => zones.listReferenceUnits({ pageSize: 1000, pageToken }),
      (page) => page.referenceUnits,
    ),
  ]).then(
    ([list, units]) =>
      (known.value = { zones: new Map(list.map((z) => [z.name, z])), units: new Map(units.map((u) => [u.name, u])) }),
    (error) => {
      asking = undefined // the next one asks again
      throw error
    },
  )
  return asking
}

/** Name of a zone or reference unit, its id until the registry is read. */
export function subjectName(name: string): string {
  const one = known.value?.zones.get(name) ?? known.value?.units.get(name)
  return one ? say(one.displayName) : name.replace(/^.*\//, '')
}
