/** The histograms of one trial's activations: a plot for each layer, its stages over each other. */

import { diagnosisOf, type Histogram, type Trial } from "../document";
import { number, percent } from "../format";
import type { Context, Drawing, FigureSpec, Option } from "../figure/types";
import { legend } from "../figure/legend";
import { itemTooltip, tip } from "../figure/tooltip";

const ROW = 132;

export function histograms(key: string, trialOf: () => Trial | null): FigureSpec {
  const count = () => {
    const trial = trialOf();
    return (trial && diagnosisOf(trial)?.stages[0]?.layers.length) ?? 1;
  };
  return {
    key,
    addressed: false,
    title: "Histograms of activations",
    hint: "How the outputs of each layer are spread: filled at the start, a line after it. Width is the range of outputs, height the share of them.",
    wide: true,
    zoom: "x",
    height: (_, width) => 36 + ROW * Math.ceil(count() / columns(width)),
    draw: (context) => draw(context, trialOf()),
  };
}

function columns(width: number): number {
  return Math.max(2, Math.min(5, Math.floor(width / 190)));
}

interface Bin {
  value: [number, number];
  from: number;
  to: number;
}

function draw({ theme, width }: Context, trial: Trial | null): Drawing | null {
  const diagnosis = trial && diagnosisOf(trial);
  if (!trial || !diagnosis) return null;
  const layers = diagnosis.stages[0]!.layers;
  const across = columns(width);
  const cell = width / across;
  const place = (i: number) => ({
    left: (i % across) * cell + 34,
    top: 58 + Math.floor(i / across) * ROW,
    width: cell - 48,
    height: ROW - 62,
  });
  const stages = diagnosis.stages.slice(0, 2);
  const key = legend(
    theme,
    stages.map((s) => s.stage),
    width,
  );
  return {
    option: {
      grid: layers.map((_, i) => place(i)),
      title: layers.map((layer, i) => ({
        text: `${layer.name} · ${layer.activation}`,
        left: place(i).left,
        top: place(i).top - 22,
        textStyle: { color: theme.text, fontSize: 12, fontWeight: 600 },
      })),
      legend: key.legend,
      tooltip: itemTooltip(theme, ({ value, from, to }: Bin, stage) =>
        tip(stage, [[`${number(from, 3)} to ${number(to, 3)}`, percent(value[1], 1)]]),
      ),
      xAxis: layers.map((_, i) => small(i, { splitNumber: 2 })),
      yAxis: layers.map((_, i) => small(i, { splitNumber: 2, min: 0, axisLabel: { formatter: (v: number) => percent(v) } })),
      series: stages.flatMap((stage, s) =>
        stage.layers.slice(0, layers.length).map((layer, i) => ({
          type: "line",
          name: stage.stage,
          xAxisIndex: i,
          yAxisIndex: i,
          data: binsOf(layer.histogram),
          step: "middle",
          symbol: "circle",
          symbolSize: 5,
          showSymbol: false,
          itemStyle: { color: theme.categories[s] },
          lineStyle: { color: theme.categories[s], width: s === 0 ? 1 : 1.8 },
          ...(s === 0 ? { areaStyle: { color: theme.categories[0], opacity: 0.35 } } : {}),
          triggerLineEvent: true,
        })),
      ),
    },
    label: `Histograms of activations of trial ${trial.number}, for ${layers.map((l) => l.name).join(", ")}.`,
  };

  function small(i: number, more: Option): Option {
    const { axisLabel, ...rest } = more as { axisLabel?: object };
    return {
      type: "value",
      gridIndex: i,
      scale: true,
      axisLine: { lineStyle: { color: theme.line } },
      splitLine: { show: false },
      axisTick: { show: false },
      axisLabel: { color: theme.muted, fontSize: 10, hideOverlap: true, formatter: (v: number) => number(v, 3), ...axisLabel },
      ...rest,
    };
  }
}

function binsOf({ low, high, counts }: Histogram): Bin[] {
  if (low === null || high === null) return [];
  const total = counts.reduce((a, b) => a + b, 0) || 1;
  const step = (high - low) / Math.max(1, counts.length) || 1e-9;
  return counts.map((n, i) => ({ value: [low + (i + 0.5) * step, n / total], from: low + i * step, to: low + (i + 1) * step }));
}
