/** Which parts of a request the handler of a route takes, as its parameters are decorated. */
import 'reflect-metadata';
import { RouteParamtypes } from '@nestjs/common/enums/route-paramtypes.enum.js';
import { ROUTE_ARGS_METADATA } from '@nestjs/common/constants.js';

export type Taken = { readonly query: boolean; readonly body: boolean };

export function takenBy(controller: object, method: string): Taken {
  const parameters: object = Reflect.getMetadata(ROUTE_ARGS_METADATA, controller, method) ?? {};
  const kinds = new Set(Object.keys(parameters).map((key) => Number(key.split(':', 1)[0])));
  return { query: kinds.has(RouteParamtypes.QUERY), body: kinds.has(RouteParamtypes.BODY) };
}
