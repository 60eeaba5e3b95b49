// The part of ECharts that the board uses, in a chunk of its own that is loaded with the first chart.
import { BarChart, LineChart, ParallelChart, RadarChart, TreemapChart } from 'echarts/charts'
import { AriaComponent, GridComponent, LegendComponent, MarkLineComponent, ParallelComponent, RadarComponent, TooltipComponent } from 'echarts/components'
import { init, use, type ComposeOption, type ECharts } from 'echarts/core'
import type { BarSeriesOption, LineSeriesOption, ParallelSeriesOption, RadarSeriesOption, TreemapSeriesOption } from 'echarts/charts'
import type { AriaComponentOption, GridComponentOption, LegendComponentOption, MarkLineComponentOption, TooltipComponentOption } from 'echarts/components'
import { SVGRenderer } from 'echarts/renderers'

use([
  BarChart, LineChart, ParallelChart, RadarChart, TreemapChart,
  AriaComponent, GridComponent, LegendComponent, MarkLineComponent, ParallelComponent, RadarComponent, TooltipComponent,
  SVGRenderer,
])

export type Option = ComposeOption<
  | BarSeriesOption | LineSeriesOption | ParallelSeriesOption | RadarSeriesOption | TreemapSeriesOption
  | AriaComponentOption | GridComponentOption | LegendComponentOption | MarkLineComponentOption | TooltipComponentOption
>
export type { ECharts }

export function draw(element: HTMLElement): ECharts {
  return init(element, undefined, { renderer: 'svg' })
}
