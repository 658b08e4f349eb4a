import { everyScenarioOver } from './scenarios/index.js';

everyScenarioOver('upgrade in a cluster');
