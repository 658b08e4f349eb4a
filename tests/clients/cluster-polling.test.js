import { everyScenarioOver } from './scenarios/index.js';

everyScenarioOver('polling in a cluster');
