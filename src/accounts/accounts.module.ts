import { Module } from '@nestjs/common';
import { AccessModule } from '../access/access.module.js';
import { Accounts } from './accounts.js';
import { Balances } from './balances.js';
import { EntitiesController } from './entities.controller.js';
import { Entities } from './entities.js';
import { OrganizationProjectsController } from './organization-projects.controller.js';
import { PlansController } from './plans.controller.js';
import { Plans } from './plans.js';
import { ProjectsController } from './projects.controller.js';
import { Projects } from './projects.js';
import { SpendLimitsController } from './spend-limits.controller.js';
import { SpendLimits } from './spend-limits.js';

const SERVICES = [Accounts, Balances, Plans, Entities, Projects, SpendLimits];

@Module({ providers: SERVICES, exports: SERVICES })
export class AccountsModule {}

@Module({
  imports: [AccessModule, AccountsModule],
  controllers: [
    EntitiesController,
    ProjectsController,
    PlansController,
    SpendLimitsController,
    OrganizationProjectsController,
  ],
})
export class AccountsApi {}
