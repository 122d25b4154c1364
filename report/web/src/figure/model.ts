/**
 * A look into a chart's model. `getOption` would do, but copies all data: at 10,000 points, too slow for every draw and key. These
 * few methods are not in the library's types, but what its own components stand on.
 */

import type { Chart } from "./types";

interface DataZoomModel {
  id: string;
  getPercentRange(): [number, number] | undefined;
  getValueRange(): [number, number] | undefined;
}

interface SeriesModel {
  seriesIndex: number;
  get(name: "silent"): boolean | undefined;
  getData(): { count(): number; getRawIndex(index: number): number; getItemGraphicEl(index: number): unknown };
  getRawData(): { getRawDataItem(index: number): unknown };
}

interface GlobalModel {
  queryComponents(query: { mainType: "dataZoom"; id: string }): DataZoomModel[];
  getSeries(): SeriesModel[];
  isSeriesFiltered(series: SeriesModel): boolean;
}

function model(chart: Chart): GlobalModel | undefined {
  return (chart as unknown as { getModel(): GlobalModel | undefined }).getModel();
}

export function zoomModel(chart: Chart, id: string): DataZoomModel | undefined {
  return model(chart)?.queryComponents({ mainType: "dataZoom", id })[0];
}

export interface Points {
  series: number;
  /** The indices of those that are drawn: not those outside the plot, and none of thousands drawn as one. */
  drawn: number[];
  item: (index: number) => unknown;
}

/** The series whose points can be pointed at. */
export function pointable(chart: Chart): Points[] {
  const whole = model(chart);
  return (whole?.getSeries() ?? []).flatMap((series) => {
    if (series.get("silent") || whole?.isSeriesFiltered(series)) return [];
    const data = series.getData();
    const drawn = Array.from({ length: data.count() }, (_, i) => i).filter((i) => data.getItemGraphicEl(i));
    const item = (i: number) => series.getRawData().getRawDataItem(data.getRawIndex(i));
    return drawn.length > 0 ? [{ series: series.seriesIndex, drawn, item }] : [];
  });
}
