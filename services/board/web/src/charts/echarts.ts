// The part of ECharts that the board uses, in a chunk of its own that is loaded with the first chart.
import { BarChart, LineChart, RadarChart } from 'echarts/charts'
import { GridComponent, LegendComponent, MarkLineComponent, RadarComponent } from 'echarts/components'
import { init, use, type ComposeOption, type ECharts } from 'echarts/core'
import type { BarSeriesOption, LineSeriesOption, RadarSeriesOption } from 'echarts/charts'
import type { GridComponentOption, LegendComponentOption, MarkLineComponentOption, RadarComponentOption } from 'echarts/components'
import { SVGRenderer } from 'echarts/renderers'

use([
  BarChart, LineChart, RadarChart,
  GridComponent, LegendComponent, MarkLineComponent, RadarComponent,
  SVGRenderer,
])

export type Option = ComposeOption<
  | BarSeriesOption | LineSeriesOption | RadarSeriesOption
  | GridComponentOption | LegendComponentOption | MarkLineComponentOption | RadarComponentOption
>
export type { ECharts }

export function draw(element: HTMLElement): ECharts {
  return init(element, undefined, { renderer: 'svg' })
}
