import { everyScenarioOver } from './scenarios/index.js';

everyScenarioOver('websocket');
