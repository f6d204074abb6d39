/**
 * Requests and answers. Null means absent; moments are texts, {@code yyyyMMdd'T'HHmmss'Z'} in UTC, and are passed on as they are.
 */
package io.downlink.client.dto;
