import { everyScenarioOver } from './scenarios/index.js';

everyScenarioOver('websocket in a cluster');
