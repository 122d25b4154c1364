import { echarts } from "./echarts";
document.title = echarts.version;
