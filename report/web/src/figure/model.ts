/**
 * A look into a chart's model. `getOption` would do, but copies all data: at 10,000 points, too slow for every draw and key. These
 * few methods are not in the library's types, but what its own components stand on.
 */

import type { Chart } from "./figure";

interface DataZoomModel {
  id: string;
  getPercentRange(): [number, number] | undefined;
  getValueRange(): [number, number] | undefined;
}

interface SeriesModel {
  seriesIndex: number;
  get(name: "silent"): boolean | undefined;
  getData(): { count(): number; getRawIndex(index: number): number };
  getRawData(): { getRawDataItem(index: number): unknown };
}

interface GlobalModel {
  queryComponents(query: { mainType: "dataZoom"; id: string }): DataZoomModel[];
  getSeries(): SeriesModel[];
}

function model(chart: Chart): GlobalModel | undefined {
  return (chart as unknown as { getModel(): GlobalModel | undefined }).getModel();
}

export function zoomModel(chart: Chart, id: string): DataZoomModel | undefined {
  return model(chart)?.queryComponents({ mainType: "dataZoom", id })[0];
}

/** The series whose points can be pointed at. */
export function pointable(chart: Chart): { index: number; count: number; item: (i: number) => unknown }[] {
  const all = model(chart)?.getSeries() ?? [];
  return all.flatMap((series) => {
    const data = series.getData();
    if (series.get("silent") || data.count() === 0) return [];
    return [{ index: series.seriesIndex, count: data.count(), item: (i: number) => series.getRawData().getRawDataItem(data.getRawIndex(i)) }];
  });
}
